using System.Globalization;
using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Bench.Micro.Model;

/// <summary>
/// Cost of deciding one request among many policies that ask for its path, method, host or a header: allowed by one of the last, and
/// denied because none matches. Budget: 0 B.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class RequestPolicyBench
{
    private readonly Workload _destination = BenchMeshes.Workload(70_000, "server");
    private MeshSnapshot _snapshot = null!;
    private byte[] _allowedPath = [];
    private ConnectionFacts _facts;

    /// <summary>How many policies apply; each has one rule, every tenth is a DENY.</summary>
    [Params(10, 100)]
    public int Policies { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.MarkComplete();
        for (int index = 0; index < Policies; index++)
        {
            builder.SetPolicy(new AuthorizationPolicy("shop", string.Create(CultureInfo.InvariantCulture, $"policy-{index:000}"))
            {
                Action = index % 10 == 9 ? PolicyAction.Deny : PolicyAction.Allow,
                Scope = PolicyScope.Namespace,
                Rules = [new AuthorizationRule([new AuthorizationClause([Match(index)])])],
            });
        }

        _snapshot = builder.Build();
        _facts = new ConnectionFacts(
            BenchMeshes.Identity("client"), IPAddress.Parse("10.200.0.1"), _destination.Addresses[0], 8080, "");
        _allowedPath = System.Text.Encoding.ASCII.GetBytes($"/team-{(Policies - 2) / 4 * 4}/items/1");
    }

    [Benchmark]
    public PolicyReason Allowed() => Evaluate(_allowedPath, PolicyReason.AllowRuleMatched);

    [Benchmark]
    public PolicyReason Denied() => Evaluate("/nowhere"u8, PolicyReason.NoAllowRuleMatched);

    private PolicyReason Evaluate(ReadOnlySpan<byte> path, PolicyReason expected)
    {
        var request = new Request(path);
        PolicyReason reason = PolicyEvaluator.Evaluate(_snapshot, _destination, in _facts, RequestOrigin.Of(in _facts), in request).Reason;
        return reason == expected ? reason : throw new InvalidOperationException(reason.ToString());
    }

    private static AuthorizationMatch Match(int index) => (index % 4) switch
    {
        0 => new() { Request = new() { Methods = [TextMatch.Exact("GET")], Paths = [TextMatch.Prefix($"/team-{index}/")] } },
        1 => new() { Request = new() { Paths = [TextMatch.Exact($"/exact-{index}")], Hosts = [TextMatch.Exact("shop.example")] } },
        2 => new() { Request = new() { PathTemplates = [Template($"/v1/{{*}}/items-{index}")] } },
        _ => new()
        {
            Principals = [TextMatch.Exact(BenchMeshes.Identity("client").Principal.ToString())],
            Request = new() { Headers = [new HeaderCondition("x-role", [TextMatch.Exact($"role-{index}")], [])] },
        },
    };

    private static PathTemplate Template(string text) =>
        PathTemplate.TryParse(text, out PathTemplate? template) ? template : throw new InvalidOperationException(text);

    private readonly ref struct Request(ReadOnlySpan<byte> path) : IRequestFacts
    {
        public ReadOnlySpan<byte> Method => "GET"u8;

        public ReadOnlySpan<byte> Scheme => "http"u8;

        public ReadOnlySpan<byte> Authority => "shop.example:8080"u8;

        public ReadOnlySpan<byte> Path { get; } = path;

        public ReadOnlySpan<byte> Query => [];

        public Workload? Source => null;

        public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            value = "1"u8;
            return name.SequenceEqual("x-role"u8);
        }
    }
}
