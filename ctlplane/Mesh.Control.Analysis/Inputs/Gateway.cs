using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

internal sealed class Gateway : Entry
{
    public Gateway(RawObject source)
        : base(source)
    {
        Selector = Spec["selector"].ToLabels();
        Servers = [.. Spec["servers"].Items.Select(server => new GatewayServer(server))];
    }

    public Labels Selector { get; }

    public IReadOnlyList<GatewayServer> Servers { get; }
}

internal sealed class GatewayServer(Field field)
{
    public Field Field { get; } = field;

    public int Port { get; } = field["port"]["number"].Number ?? 0;

    public IReadOnlyList<Field> Hosts { get; } = [.. field["hosts"].Items.Where(host => host.Text.Length > 0)];

    /// <summary>Where the names of secrets stand.</summary>
    public IEnumerable<Field> Credentials =>
        Field["tls"]["credentialNames"].Items.Prepend(Field["tls"]["credentialName"]).Where(name => name.Text.Length > 0);

    /// <summary>A host without the namespace that may stand before it.</summary>
    public static string NameOf(string host) => host[(host.IndexOf('/', StringComparison.Ordinal) + 1)..];
}
