using System.Xml.Linq;

namespace Mesh.Tidy.Rules;

/// <summary>Which project may see which. ARCHITECTURE.md shows the same table; a test keeps the two equal.</summary>
internal static class Layers
{
    /// <summary>Project → the projects it may reference. A project that is not here may not exist.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Allowed = new SortedDictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Mesh.Api"] = [],
        ["Mesh.Images"] = [],
        ["Mesh.Interop"] = [],
        ["Mesh.Cni.Contract"] = [],
        ["Mesh.Cni"] = ["Mesh.Cni.Contract"],
        ["Mesh.Node.Protocols"] = [],
        ["Mesh.Node.Model"] = ["Mesh.Api"],
        ["Mesh.Node.Transport"] = ["Mesh.Interop"],
        ["Mesh.Node.Capture"] = ["Mesh.Api", "Mesh.Cni.Contract", "Mesh.Interop"],
        ["Mesh.Node.Proxy"] =
            ["Mesh.Api", "Mesh.Interop", "Mesh.Node.Capture", "Mesh.Node.Model", "Mesh.Node.Protocols", "Mesh.Node.Transport"],
        ["Mesh.Node"] =
        [
            "Mesh.Api", "Mesh.Interop", "Mesh.Node.Capture", "Mesh.Node.Model", "Mesh.Node.Protocols", "Mesh.Node.Proxy",
            "Mesh.Node.Transport",
        ],
        ["Mesh.Control.Model"] = ["Mesh.Api"],
        ["Mesh.Control.Dialects"] = ["Mesh.Control.Model"],
        ["Mesh.Control.Sources"] = ["Mesh.Control.Model"],
        ["Mesh.Control.Analysis"] = ["Mesh.Control.Dialects", "Mesh.Control.Model"],
        ["Mesh.Control.Cli"] = ["Mesh.Control.Analysis", "Mesh.Control.Dialects", "Mesh.Control.Model", "Mesh.Control.Sources"],
        ["Mesh.Control.Serving"] = ["Mesh.Api", "Mesh.Control.Model"],
        ["Mesh.Control"] =
        [
            "Mesh.Api", "Mesh.Control.Analysis", "Mesh.Control.Dialects", "Mesh.Control.Model", "Mesh.Control.Serving",
            "Mesh.Control.Sources",
        ],
    };

    /// <summary>Packages of functions that depend on their arguments and nothing else.</summary>
    private static readonly string[] s_purePackages = ["System.IO.Hashing"];

    /// <summary>Projects that stay free of input, output and frameworks: of packages they may reference only pure ones.</summary>
    private static readonly string[] s_pureProjects = ["Mesh.Node.Model", "Mesh.Node.Protocols"];

    private static readonly string[] s_vagueNames = ["Common", "Utilities", "Utils", "Util", "Helpers", "Shared", "Misc"];

    public static IEnumerable<Finding> Check(SourceFile project)
    {
        string name = NameOf(project.Path);
        if (name.Split('.').Intersect(s_vagueNames, StringComparer.OrdinalIgnoreCase).FirstOrDefault() is string vague)
        {
            yield return project.At(0, $"'{vague}' names no responsibility: call the project after what it does.");
        }

        XElement root = XElement.Parse(project.Text);
        bool isOutermost = project.IsUnder("tests", "bench");
        if (!isOutermost)
        {
            foreach (Finding finding in CheckReferences(project, name, root))
            {
                yield return finding;
            }

            foreach (string friend in Includes(root, "InternalsVisibleTo"))
            {
                if (!IsOwnTests(friend, name) && !friend.StartsWith("Mesh.Bench.", StringComparison.Ordinal))
                {
                    yield return project.At(0, $"{friend} may not see the internals of {name}: only its own tests and benchmarks may.");
                }
            }
        }

        if (!project.IsUnder("native-interop") && root.Descendants("AllowUnsafeBlocks").Any())
        {
            yield return project.At(0, "Only native-interop may allow unsafe code.");
        }
    }

    private static IEnumerable<Finding> CheckReferences(SourceFile project, string name, XElement root)
    {
        if (!Allowed.TryGetValue(name, out string[]? allowed))
        {
            yield return project.At(0, $"{name} is not in the table of layers (tests/Tidy/Rules/Layers.cs and ARCHITECTURE.md).");
            yield break;
        }

        foreach (string reference in Includes(root, "ProjectReference").Select(NameOf))
        {
            if (!allowed.Contains(reference))
            {
                yield return project.At(0, $"{name} may not reference {reference}. See ARCHITECTURE.md, Layers.");
            }
        }

        if (s_pureProjects.Contains(name))
        {
            IEnumerable<string> packages = Includes(root, "PackageReference").Concat(Includes(root, "FrameworkReference"));
            foreach (string package in packages.Except(s_purePackages))
            {
                yield return project.At(0, $"{name} is pure and may not reference {package}.");
            }
        }
    }

    /// <summary>Whether <paramref name="friend"/> tests this project, or a group of projects that it belongs to.</summary>
    private static bool IsOwnTests(string friend, string name)
    {
        const string Suffix = ".Tests";
        return friend.EndsWith(Suffix, StringComparison.Ordinal)
            && (name + ".").StartsWith(friend[..^Suffix.Length] + ".", StringComparison.Ordinal);
    }

    private static IEnumerable<string> Includes(XElement root, string item) =>
        root.Descendants(item).Select(element => element.Attribute("Include")?.Value).OfType<string>();

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'));
}
