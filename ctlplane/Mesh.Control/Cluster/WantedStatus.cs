using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mesh.Control.Analysis;
using Mesh.Control.Configuration;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>What an object of the cluster is to be told of itself.</summary>
/// <param name="Path">Of the object.</param>
/// <param name="Generation">Of the version it is about; 0 where the object does not say.</param>
/// <param name="Parents">Of a route, what each parent of ours is told; null for what is no route.</param>
/// <param name="Conditions">Of anything else; none for a route.</param>
/// <param name="Messages">Of Istio's kinds, what is found about it, by code; null for others.</param>
internal sealed record WantedStatus(
    string Path,
    long Generation,
    ImmutableArray<ParentStatus>? Parents,
    ImmutableArray<StatusCondition> Conditions,
    ImmutableArray<ValidationMessage>? Messages)
{
    /// <summary>Type of the condition that is written where the kind has no conditions of its own for controllers like this.</summary>
    public const string Accepted = "mesh-node.io/Accepted";

    /// <summary>Type of the condition by which Istio's kinds say that what they say is in force.</summary>
    public const string Reconciled = "Reconciled";

    /// <summary>Its reasons, by which it is known to be ours.</summary>
    public const string InForce = "InForce";
    public const string NotInForce = "NotInForce";

    private const int MessageCharsMax = 1_024;

    /// <summary>Of what is followed, the kinds whose status others read. Core kinds have a status that is the cluster's own.</summary>
    private static readonly ImmutableDictionary<(string Group, string Kind), WatchedKind> s_kinds = WatchedKinds.All
        .Where(kind => kind.Group.EndsWith(".istio.io", StringComparison.Ordinal)
            || kind.Group == "mesh-node.io"
            || kind is { Group: "gateway.networking.k8s.io", Kind: "HTTPRoute" or "GRPCRoute" or "TCPRoute" or "TLSRoute" })
        .ToImmutableDictionary(kind => (kind.Group, kind.Kind));

    /// <summary>The kinds that are told.</summary>
    public static IEnumerable<WatchedKind> Kinds => s_kinds.Values;

    private string? _text;

    /// <summary>Everything in words, to be compared.</summary>
    public string Text => _text ??= Describe();

    /// <summary>Of everything that was analysed.</summary>
    public static Dictionary<ObjectKey, WantedStatus> Of(ConfigurationState.AnalyzedView analyzed)
    {
        ConfigurationState.View view = analyzed.View;
        ILookup<ObjectKey, Diagnostic> said = analyzed.Findings
            .Where(diagnostic => diagnostic.Object is not null)
            .ToLookup(diagnostic => diagnostic.Object!.Value);
        Dictionary<ObjectKey, ObjectStatus> routes = view.Statuses.ToDictionary(status => status.Object);
        var wanted = new Dictionary<ObjectKey, WantedStatus>();
        foreach (RawObject source in view.Objects)
        {
            if (!s_kinds.TryGetValue((source.Key.Group, source.Key.Kind), out WatchedKind? kind))
            {
                continue;
            }

            string path = KubernetesObjects.PathOf(source.ApiVersion, kind.Plural, source.Key.Namespace, source.Key.Name);
            long generation = GenerationOf(source);
            wanted[source.Key] = kind.Group == "gateway.networking.k8s.io"
                ? new WantedStatus(path, generation, routes.GetValueOrDefault(source.Key)?.Parents ?? [], [], Messages: null)
                : OfMeshObject(path, generation, kind.Group != "mesh-node.io", [.. said[source.Key]]);
        }

        return wanted;
    }

    private static WantedStatus OfMeshObject(string path, long generation, bool isOfIstio, ImmutableArray<Diagnostic> said)
    {
        bool isRefused = said.Any(DiagnosticCodes.IsRefusal);
        StatusCondition accepted = AcceptedOf(said, isRefused);
        return isOfIstio
            ? new WantedStatus(path, generation, Parents: null, [accepted, ReconciledOf(isRefused)], ValidationMessage.Of(said))
            : new WantedStatus(path, generation, Parents: null, [accepted], Messages: null);
    }

    private string Describe()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Path} {Generation} {string.Join(' ', Conditions)}");
        foreach (ParentStatus parent in Parents ?? [])
        {
            text.Append(CultureInfo.InvariantCulture, $" {parent.Parent} {string.Join(' ', parent.Conditions)}");
        }

        foreach (ValidationMessage message in Messages ?? [])
        {
            text.Append(CultureInfo.InvariantCulture, $" {message}");
        }

        return text.ToString();
    }

    private static StatusCondition AcceptedOf(ImmutableArray<Diagnostic> said, bool isRefused)
    {
        IEnumerable<string> words = said
            .Where(diagnostic => diagnostic.Severity != DiagnosticSeverity.Note || isRefused)
            .OrderByDescending(DiagnosticCodes.IsRefusal)
            .ThenByDescending(diagnostic => diagnostic.Severity)
            .Select(diagnostic => string.Join(' ', new[]
            {
                diagnostic.Code.Length == 0 ? string.Empty : $"[{diagnostic.Code}]",
                diagnostic.Field.Length == 0 ? string.Empty : $"{diagnostic.Field}:",
                diagnostic.Reason,
                diagnostic.Hint,
            }.Where(part => part.Length > 0)));
        string message = string.Join(' ', words);
        return new StatusCondition(
            Accepted,
            !isRefused,
            isRefused ? "Invalid" : "Accepted",
            message.Length > MessageCharsMax ? string.Concat(message.AsSpan(0, MessageCharsMax - 1), "…") : message);
    }

    private static StatusCondition ReconciledOf(bool isRefused) => isRefused
        ? new StatusCondition(Reconciled, IsTrue: false, NotInForce, $"This version is refused; {Accepted} says why.")
        : new StatusCondition(Reconciled, IsTrue: true, InForce, "This version is in force.");

    private static long GenerationOf(RawObject source) => source.Fields.Find("metadata") is RawMapping metadata
        && metadata.Find("generation") is RawScalar { Kind: ScalarKind.Integer } generation
        && long.TryParse(generation.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : 0;
}
