using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// gRPC as applications speak it. Goal: calls of every kind, deadlines, errors and the proxy's own answers are to a client what gRPC says
/// they are, and are counted so. Method: client and server of grpcio, which are not ours, on one node and on two.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class GrpcTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const string Near = "grpc-near";
    private const string Far = "grpc-far";

    private static readonly string[] s_calls =
    [
        "unary", "large", "download", "upload", "converse", "told", "late", "unlimited", "refuse", "fail-late", "unknown", "forbidden",
    ];

    [LabFact]
    public async Task Calls_of_every_kind_end_as_gRPC_says_and_are_counted()
    {
        await ServeAsync();
        await EstablishAsync(Route(Near) + Route(Far) + Denial(Near) + Denial(Far));

        foreach ((string service, string node) in (IEnumerable<(string, string)>)[(Near, "node-1"), (Far, "node-2")])
        {
            string[] said = (await CallAsync(service, s_calls)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(
                [
                    "unary HELLO",
                    "large 3000000",
                    "download 499500",
                    "upload 1000000",
                    "converse ONE TWO THREE",
                    "told in time",
                    "late DEADLINE_EXCEEDED Deadline Exceeded",
                    "unlimited DEADLINE_EXCEEDED the upstream did not answer in time",
                    "refuse FAILED_PRECONDITION not today",
                    "fail-late DATA_LOSS no end",
                    "unknown UNIMPLEMENTED Method not found!",
                    "forbidden PERMISSION_DENIED RBAC: access denied",
                ],
                said);

            // Of six calls that ended well: one message each way, but for a thousand down, a thousand up and three of a conversation.
            const int Well = 6;
            await CountAsync("node-1", "source", service, "0", requests: Well, asked: 1_000 + 3 + 4, answered: 1_000 + 3 + 4);
            await CountAsync(node, "destination", service, "0", requests: Well, asked: 1_000 + 3 + 4, answered: 1_000 + 3 + 4);
            await CountAsync("node-1", "source", service, "9", requests: 1, asked: 1, answered: 0);
            await CountAsync(node, "destination", service, "15", requests: 1, asked: 1, answered: 1);

            // Refused by their heads, whether or not their messages have come by then.
            await CountAsync("node-1", "source", service, "12", requests: 1, asked: null, answered: 0);
            await CountAsync(node, "destination", service, "7", requests: 1, asked: null, answered: 0);
        }
    }

    [LabFact]
    public async Task Where_nobody_answers_a_call_is_told_UNAVAILABLE()
    {
        // One that has no endpoint, and two whose pods listen to nothing, on one node and on two.
        string[] services = ["grpc-none", "grpc-deaf-near", "grpc-deaf-far"];
        await ApplyAsync(Applications.Pod(services[1], node: 1, services[1]) + Applications.Pod(services[2], node: 2, services[2]));
        await ApplyAsync(string.Concat(services.Select(service => Applications.Service(service, "grpc"))));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();

        foreach (string service in services)
        {
            string said = await CallAsync(service, "unary", "upload");
            Assert.Collection(
                said.Split('\n', StringSplitOptions.RemoveEmptyEntries),
                line => Assert.StartsWith("unary UNAVAILABLE ", line, StringComparison.Ordinal),
                line => Assert.StartsWith("upload UNAVAILABLE ", line, StringComparison.Ordinal));
        }
    }

    private static string Route(string service) =>
        $$$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: {{{service}}}, namespace: mesh}
        spec:
          hosts: [{{{service}}}]
          http:
          - match: [{uri: {exact: /tests.Echo/Stall}}]
            timeout: 1s
            route: [{destination: {host: {{{service}}}}}]
          - route: [{destination: {host: {{{service}}}}}]
        ---

        """;

    private static string Denial(string service) =>
        $$$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: {{{service}}}, namespace: mesh}
        spec:
          selector: {matchLabels: {app: {{{service}}}}}
          action: DENY
          rules: [{to: [{operation: {paths: [/tests.Echo/Forbidden]}}]}]
        ---

        """;

    private async Task ServeAsync()
    {
        string[] command = Applications.Script("grpc-server.py", $"{Applications.Port}");
        await ApplyAsync(Applications.Pod(Near, node: 1, Near, command: command) + Applications.Pod(Far, node: 2, Far, command: command));
        await ApplyAsync(Applications.Service(Near, "grpc") + Applications.Service(Far, "grpc"));
        await Fixture.ReadyAsync();
        await Lab.WaitForListenerAsync($"mesh/{Near}");
        await Lab.WaitForListenerAsync($"mesh/{Far}");
    }

    private async Task<string> CallAsync(string service, params string[] calls)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        return await client.OutputAsync(Applications.Script("grpc-client.py", [$"{await Lab.AddressAsync(service)}:80", .. calls]));
    }

    /// <summary>
    /// What one side has counted of calls to a service that ended with a status: calls, and messages each way. Null is not looked at.
    /// </summary>
    private async Task CountAsync(string node, string reporter, string service, string status, int requests, int? asked, int answered)
    {
        LabNode place = await Lab.NodeAsync(node);
        (double, double?, double) counted = default;
        (string, string)[] labels =
        [
            ("reporter", reporter),
            ("destination_service_name", service),
            ("request_protocol", "grpc"),
            ("grpc_response_status", status),
        ];
        try
        {
            // Counted when it ends, which the client may hear before.
            await Eventually.TrueAsync(
                async () =>
                {
                    MetricSamples samples = await place.MetricsAsync();
                    counted = (
                        samples.Sum("istio_requests_total", labels),
                        asked is null ? null : samples.Sum("istio_request_messages_total", labels),
                        samples.Sum("istio_response_messages_total", labels));
                    return counted == (requests, asked, answered);
                },
                TimeSpan.FromSeconds(20));
        }
        catch (TimeoutException)
        {
            Assert.Equal((requests, asked, answered), counted);
        }
    }
}
