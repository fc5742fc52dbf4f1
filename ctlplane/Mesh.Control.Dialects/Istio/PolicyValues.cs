using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads the values of one rule of an AuthorizationPolicy, and remembers whether some of what the rule says was left out.
/// </summary>
/// <param name="policyNamespace">The policy's own.</param>
/// <param name="action">What the rule is for: it says what comes of a constraint that is left out.</param>
/// <param name="isLimit">The rule says which requests a limit counts, and decides nothing.</param>
internal sealed class PolicyValues(string policyNamespace, PolicyAction action, bool isLimit)
{
    private const int ServiceAccountCountMax = 16;

    /// <summary>The rule says more than what was read of it.</summary>
    public bool HasUncheckedConstraint { get; private set; }

    private string Consequence => isLimit
        ? "The limit holds without it, so for more requests."
        : action == PolicyAction.Allow
        ? "The rule is left out, so it admits nothing."
        : "The rule is enforced without it, so it denies more.";

    /// <summary>Something is known, and no proxy can check it.</summary>
    public void LeaveOut(FieldReader fields, string key, string reason)
    {
        HasUncheckedConstraint = true;
        fields.Warning(key, reason, Consequence);
    }

    /// <summary>Something is missing, and has been reported.</summary>
    public void LeaveOut() => HasUncheckedConstraint = true;

    /// <summary>
    /// Reads a list of alternatives. One bad value spoils the list: without it an ALLOW would admit what it should not, or a <c>not</c>
    /// list spare what it should not. An empty result is no constraint.
    /// </summary>
    public ImmutableArray<T> Values<T>(FieldReader fields, string key, Func<TextItem, (T Value, string Problem)> read)
    {
        if (!fields.Has(key))
        {
            return [];
        }

        List<TextItem> items = fields.Texts(key);
        bool isBroken = items.Count < fields.Items(key).Count;
        if (items.Count == 0)
        {
            Refuse(fields, key, "The list is empty.", "Leave the field out.");
            return [];
        }

        ImmutableArray<T>.Builder values = ImmutableArray.CreateBuilder<T>(items.Count);
        foreach (TextItem item in items)
        {
            (T value, string problem) = read(item);
            if (problem.Length == 0)
            {
                values.Add(value);
                continue;
            }

            isBroken = true;
            fields.Diagnostics.Error(item.Path, item.Position, problem, Consequence);
        }

        if (isBroken)
        {
            HasUncheckedConstraint = true;
            return [];
        }

        return values.ToImmutable();
    }

    public ImmutableArray<TextMatch> Texts(FieldReader fields, string key) => Values(fields, key, ReadText);

    public ImmutableArray<IPNetwork> Ranges(FieldReader fields, string key) => Values(fields, key, ReadRange);

    public ImmutableArray<ServiceAccountName> ServiceAccounts(FieldReader fields, string key)
    {
        ImmutableArray<ServiceAccountName> accounts = Values(fields, key, ReadServiceAccount);
        if (accounts.Length > ServiceAccountCountMax)
        {
            Refuse(fields, key, $"{accounts.Length} service accounts; {ServiceAccountCountMax} are allowed.");
            return [];
        }

        return accounts;
    }

    /// <summary>Ports are strings in this API; a number without quotes can mean nothing else and is taken.</summary>
    public ImmutableArray<int> Ports(FieldReader fields, string key)
    {
        if (!fields.Has(key))
        {
            return [];
        }

        IReadOnlyList<RawNode> items = fields.Items(key);
        if (items.Count == 0)
        {
            Refuse(fields, key, "The list is empty.", "Leave the field out.");
            return [];
        }

        ImmutableArray<int>.Builder ports = ImmutableArray.CreateBuilder<int>(items.Count);
        bool isBroken = false;
        for (int index = 0; index < items.Count; index++)
        {
            if (items[index] is RawScalar { Kind: ScalarKind.Text or ScalarKind.Integer } scalar
                && int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
                && port is >= 1 and <= 65_535)
            {
                ports.Add(port);
                continue;
            }

            isBroken = true;
            fields.Diagnostics.Error($"{fields.PathOf(key)}[{index}]", items[index].Position, "Not a port from 1 to 65535.", Consequence);
        }

        if (isBroken)
        {
            HasUncheckedConstraint = true;
            return [];
        }

        return ports.ToImmutable();
    }

    public static (TextMatch Value, string Problem) ReadPrincipal(TextItem item) =>
        item.Text.StartsWith("spiffe://", StringComparison.OrdinalIgnoreCase)
            ? (default, "Principals are written without spiffe://.")
            : ReadText(item);

    private static (TextMatch Value, string Problem) ReadText(TextItem item)
    {
        string text = item.Text;
        if (text.Length == 0)
        {
            return (default, "An empty string matches nothing.");
        }

        if (text == "*")
        {
            return (TextMatch.AnyValue, string.Empty);
        }

        bool isSuffix = text[0] == '*';
        bool isPrefix = text[^1] == '*';
        string literal = text[(isSuffix ? 1 : 0)..(isPrefix ? ^1 : ^0)];
        if ((isSuffix && isPrefix) || literal.Contains('*', StringComparison.Ordinal))
        {
            return (default, $"'{text}': a * may stand at one end only.");
        }

        TextMatchKind kind = (isSuffix, isPrefix) switch
        {
            (true, _) => TextMatchKind.Suffix,
            (_, true) => TextMatchKind.Prefix,
            _ => TextMatchKind.Exact,
        };
        return (new TextMatch(kind, literal), string.Empty);
    }

    /// <summary>A text, or a template of segments where one of its two forms stands in it.</summary>
    public static (PathPattern Value, string Problem) ReadPath(TextItem item)
    {
        if (PathTemplates.IsMeant(item.Text))
        {
            return PathTemplates.ProblemOf(item.Text) is { } fault
                ? (default, fault)
                : (PathPattern.OfTemplate(item.Text), string.Empty);
        }

        (TextMatch text, string problem) = ReadText(item);
        return (PathPattern.Of(text), problem);
    }

    private static (IPNetwork Value, string Problem) ReadRange(TextItem item) => AddressText.TryParseRange(item.Text, out IPNetwork range)
        ? (range, string.Empty)
        : (default, $"'{item.Text}' is neither an IP address nor a range such as 10.0.0.0/8.");

    private (ServiceAccountName Value, string Problem) ReadServiceAccount(TextItem item)
    {
        int slash = item.Text.IndexOf('/', StringComparison.Ordinal);
        string @namespace = slash < 0 ? policyNamespace : item.Text[..slash];
        string name = item.Text[(slash + 1)..];
        return ManifestNames.IsLabel(@namespace) && ManifestNames.IsSubdomain(name)
            ? (new ServiceAccountName(@namespace, name), string.Empty)
            : (default, $"'{item.Text}' is not a service account; write namespace/name or name, without wildcards.");
    }

    public void RefuseUnknownAndEmpty(FieldReader fields, ReadOnlySpan<string> known)
    {
        foreach (string unknown in fields.UnknownKeys(known))
        {
            Refuse(fields, unknown, "There is no such field here.", "Check the spelling.");
        }

        // To Kubernetes null is absence, and in a rule absence is "any": a list whose values were all taken out would admit everybody.
        foreach (string empty in fields.NullKeys())
        {
            Refuse(fields, empty, "The field has no value.", "Give it one or leave it out.");
        }
    }

    public void Refuse(FieldReader fields, string key, string reason, string hint = "")
    {
        HasUncheckedConstraint = true;
        fields.Error(key, reason, hint.Length == 0 ? Consequence : $"{hint} {Consequence}");
    }
}
