using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Policies;

/// <summary>One value a connection must have for a rule to be worth asking: the key under which the rule is filed.</summary>
internal readonly record struct Guard
{
    private Guard(GuardKind kind, string text, string @namespace, IpPrefix prefix, ushort port)
    {
        Kind = kind;
        Text = text;
        Namespace = @namespace;
        Prefix = prefix;
        Port = port;
    }

    public GuardKind Kind { get; }

    public string Text { get; }

    public string Namespace { get; }

    public IpPrefix Prefix { get; }

    public ushort Port { get; }

    /// <summary>
    /// The fields of a match that can guard it, each as the list of its values: a connection with none of those values cannot satisfy the
    /// match. Negative fields cannot guard: nearly every connection satisfies them.
    /// </summary>
    public static List<Guard[]> FieldsOf(AuthorizationMatch match)
    {
        var fields = new List<Guard[]>();
        Add(fields, [.. match.Principals.Select(text => OfText(text, isPrincipal: true))]);
        Add(fields, [.. match.Namespaces.Select(text => OfText(text, isPrincipal: false))]);
        Add(
            fields,
            [.. match.ServiceAccounts.Select(account => new Guard(GuardKind.ServiceAccount, account.Name, account.Namespace, default, 0))]);
        Add(fields, [.. match.SourceAddresses.Select(prefix => new Guard(GuardKind.Source, "", "", prefix, 0))]);
        Add(fields, [.. match.DestinationAddresses.Select(prefix => new Guard(GuardKind.Destination, "", "", prefix, 0))]);
        Add(fields, [.. match.DestinationPorts.Select(port => new Guard(GuardKind.Port, "", "", default, port))]);
        return fields;
    }

    private static Guard OfText(TextMatch text, bool isPrincipal)
    {
        GuardKind kind = (text.Kind, isPrincipal) switch
        {
            (TextMatchKind.Exact, true) => GuardKind.PrincipalExact,
            (TextMatchKind.Prefix, true) => GuardKind.PrincipalPrefix,
            (TextMatchKind.Suffix, true) => GuardKind.PrincipalSuffix,
            (TextMatchKind.Exact, false) => GuardKind.NamespaceExact,
            (TextMatchKind.Prefix, false) => GuardKind.NamespacePrefix,
            (TextMatchKind.Suffix, false) => GuardKind.NamespaceSuffix,
            _ => GuardKind.Identified,
        };
        return new Guard(kind, kind == GuardKind.Identified ? "" : text.Value, "", default, 0);
    }

    private static void Add(List<Guard[]> fields, Guard[] values)
    {
        if (values.Length > 0)
        {
            fields.Add(values);
        }
    }
}

/// <summary>The part of a connection a guard looks at.</summary>
internal enum GuardKind
{
    PrincipalExact,
    PrincipalPrefix,
    PrincipalSuffix,
    NamespaceExact,
    NamespacePrefix,
    NamespaceSuffix,
    ServiceAccount,

    /// <summary>Any identity at all.</summary>
    Identified,
    Source,
    Destination,
    Port,
}
