using System.Globalization;

namespace Mesh.Lab.Apps;

/// <summary>
/// `--name value` pairs. What is asked for and missing, or given and not a number, is an <see cref="ArgumentException"/>.
/// </summary>
internal sealed class AppOptions
{
    private readonly List<(string Name, string Value)> _pairs = [];

    public AppOptions(IEnumerable<string> arguments)
    {
        string? name = null;
        foreach (string argument in arguments)
        {
            if (name is not null)
            {
                _pairs.Add((name, argument));
                name = null;
            }
            else
            {
                name = argument.StartsWith("--", StringComparison.Ordinal)
                    ? argument[2..]
                    : throw new ArgumentException($"'{argument}' is not understood");
            }
        }

        if (name is not null)
        {
            throw new ArgumentException($"--{name} needs a value");
        }
    }

    public int Port
    {
        get
        {
            string text = Text("port") ?? throw new ArgumentException("--port is missing");
            return ushort.TryParse(text, CultureInfo.InvariantCulture, out ushort port)
                ? port
                : throw new ArgumentException($"--port '{text}' is not a port");
        }
    }

    public string? Text(string name) => _pairs.LastOrDefault(pair => pair.Name == name).Value;

    public IReadOnlyList<string> Texts(string name) => [.. _pairs.Where(pair => pair.Name == name).Select(pair => pair.Value)];
}
