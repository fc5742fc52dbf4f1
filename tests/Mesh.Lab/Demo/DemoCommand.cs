using System.Diagnostics;
using System.Text.Json.Nodes;
using Mesh.Lab.Cli;

namespace Mesh.Lab.Demo;

/// <summary>
/// `demo` leaves its lab to be looked at; `demo --check` runs unattended, ends its lab and tells by its status whether every claim held.
/// </summary>
internal static class DemoCommand
{
    private const string Next =
        """

        The shop is still up. What to try next:

          ./run.sh lab status                                  what there is
          ./run.sh lab logs -f node-1/proxy                    every connection of node 1, with identities and why it ended
          ./run.sh lab exec customer -- curl -s http://web:8080/
          ./run.sh lab capture                                 the wire between the nodes, through tcpdump
          ./run.sh lab exec node-1 -- curl -s http://127.0.0.1:15000/certs
          ./run.sh lab exec stock-1 -- nft list ruleset        the capture rules of a pod
          ./run.sh lab kill node-2/proxy                       then ask something of node 2, and `lab start node-2/proxy`
          ./run.sh lab delete peerauthentication strict -n shop
          ./run.sh lab down                                    nothing is left
        """;

    public static async Task<int> RunAsync(ArgumentReader reader)
    {
        bool isCheck = reader.Flag("--check");
        bool isDebug = reader.Flag("--debug");
        reader.End();
        Builds builds = isDebug ? Builds.Debug : Builds.Published;
        var options = new LabOptions
        {
            Name = isCheck ? "demo-check" : "default",
            Manifests = [ShopDemo.ManifestDirectory],

            // Which policy denied a request stands in its line.
            NodeConfiguration = new JsonObject { ["log"] = new JsonObject { ["requests"] = "text" } },
            MeshNode = builds.Find("mesh-node", null),
            MeshControl = builds.Find("mesh-control", null),
            ToolDirectories = [builds.ToolDirectory],
        };
        var output = new DemoOutput();
        (LabClient client, Process unshare) = await LabStarter.StartAsync(options, isOwned: isCheck, CancellationToken.None);
        using (unshare)
        {
            try
            {
                LabStatus status = await Readiness.WaitAsync(client, TimeSpan.FromSeconds(60), CancellationToken.None);
                string[] missing = [.. Readiness.Missing(status)];
                if (missing.Length > 0)
                {
                    Console.WriteLine(StatusText.Render(status));
                    throw LabException.FromProblems("the shop did not come up (`lab logs NAME` tells more):", missing);
                }

                await new ShopDemo(client, output).RunAsync(status);
            }
            finally
            {
                if (isCheck)
                {
                    await LabStarter.EndAsync(client);
                }
            }
        }

        Console.WriteLine(isCheck ? "" : Next);
        if (output.DeviationCount > 0)
        {
            throw new LabException($"{output.DeviationCount} claims of the demo did not hold");
        }

        return 0;
    }
}
