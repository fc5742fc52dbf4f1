using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Mesh.Node.Live;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Telemetry.Logging;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>nodeproxy/docs/configuration.md names every key of the file, with its default and range, and no other.</summary>
public sealed class ConfigurationPageTests
{
    private static readonly NodeConfiguration s_defaults = new()
    {
        Node = new NodeSection { Name = "" },
        ControlPlane = new ControlPlaneOptions { Address = new Uri("https://control"), RootCertificateFile = "", TokenFile = "" },
    };

    [Fact]
    public void Every_key_stands_there_with_its_default()
    {
        SortedDictionary<string, string> expected = new(StringComparer.Ordinal);
        foreach (PropertyInfo section in typeof(NodeConfiguration).GetProperties().Where(property => property.SetMethod?.IsPublic == true))
        {
            object values = section.GetValue(s_defaults)!;
            foreach (PropertyInfo key in section.PropertyType.GetProperties())
            {
                bool isRequired = key.CustomAttributes.Any(attribute => attribute.AttributeType.Name == "RequiredMemberAttribute");
                expected.Add($"{Camel(section)}.{Camel(key)}", isRequired ? "required" : Text(key.GetValue(values)));
            }
        }

        Assert.Equal(expected, new SortedDictionary<string, string>(Rows().ToDictionary(row => row[0], row => row[1]), StringComparer.Ordinal));
    }

    [Fact]
    public void Every_range_stands_there()
    {
        Dictionary<string, string> expected = ConfigurationCheck.Ranges.ToDictionary(range => range.Key, TextOf);
        Dictionary<string, string> shown = Rows().Where(row => row[2].Contains(" to ", StringComparison.Ordinal))
            .ToDictionary(row => row[0], row => row[2]);

        Assert.Equal(expected.OrderBy(row => row.Key), shown.OrderBy(row => row.Key));
    }

    [Fact]
    public void What_is_taken_over_live_is_said_so()
    {
        Assert.Equal(
            LiveKey.All.Select(key => key.Name).Order(StringComparer.Ordinal),
            Rows().Where(row => row.Length > 4 && row[3] == "yes").Select(row => row[0]).Order(StringComparer.Ordinal));
    }

    private static string TextOf(OptionRange range)
    {
        string max = range.Max is int.MaxValue or long.MaxValue ? "no limit" : range.Max.ToString("N0", CultureInfo.InvariantCulture);
        return $"{range.Min.ToString("N0", CultureInfo.InvariantCulture)} to {max}";
    }

    private static string Camel(PropertyInfo property) => JsonNamingPolicy.CamelCase.ConvertName(property.Name);

    private static string Text(object? value) => value switch
    {
        null => "none",
        bool flag => flag ? "true" : "false",
        string { Length: 0 } => "empty",
        string text => $"`{text}`",
        LogLevel level => $"`{LogLevelSwitch.Word(level)}`",
        Enum word => $"`{word.ToString().ToLowerInvariant()}`",
        IEnumerable list when !list.GetEnumerator().MoveNext() => "none",
        IFormattable number => number.ToString("N0", CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException($"A default of type {value.GetType()} is not expected."),
    };

    /// <summary>Key, default, range, whether it is live, and meaning of each row.</summary>
    private static List<string[]> Rows()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        string page = Path.Combine(folder!.FullName, "nodeproxy", "docs", "configuration.md");
        return
        [
            .. File.ReadLines(page).Where(line => line.StartsWith("| `", StringComparison.Ordinal))
                .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())
                .Select(cells => (string[])[cells[0].Trim('`'), .. cells[1..]]),
        ];
    }
}
