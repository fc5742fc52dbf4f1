using System.Globalization;

namespace Mesh.Bench.Control;

/// <summary>How large the mesh is. The defaults are the size the product promises figures for.</summary>
internal sealed record ScaleOptions
{
    public int Services { get; init; } = 1_000;

    public int Pods { get; init; } = 5_000;

    public int Proxies { get; init; } = 100;

    public int Namespaces { get; init; } = 20;

    /// <summary>How many single changes are measured.</summary>
    public int Changes { get; init; } = 5;

    public static ScaleOptions Read(string[] args)
    {
        var options = new ScaleOptions();
        for (int index = 0; index + 1 < args.Length; index += 2)
        {
            int value = int.Parse(args[index + 1], NumberStyles.None, CultureInfo.InvariantCulture);
            options = args[index] switch
            {
                "--services" => options with { Services = value },
                "--pods" => options with { Pods = value },
                "--proxies" => options with { Proxies = value },
                "--namespaces" => options with { Namespaces = value },
                "--changes" => options with { Changes = value },
                _ => throw new ArgumentException($"{args[index]} is none of --services, --pods, --proxies, --namespaces, --changes."),
            };
        }

        return options;
    }
}
