using System.Globalization;
using System.Text;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>
/// Goal: whichever octet a client escapes, policy judges the path the application gets, and no escape leads around it. Method: each of the
/// 256 escapes, in both cases of its digits, as real requests; what becomes of each is told from RFC 3986 alone.
/// </summary>
public sealed class PathMatrixTests
{
    private const string Secret = "/secret";

    [LabTheory]
    [InlineData(SameNodeMode.Direct)]
    [InlineData(SameNodeMode.Network)]
    public async Task Every_escape_is_judged_as_the_application_reads_it(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod server = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(server, HttpLab.AppPort, context =>
            context.Response.WriteAsync($"<{context.Features.Get<IHttpRequestFeature>()!.RawTarget}>"));
        HttpService service = lab.AddService("server", (server, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "secret")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            Rules =
            [
                new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch
                {
                    Request = new RequestConditions { Paths = [TextMatch.Exact(Secret)] },
                }])]),
            ],
        }));

        await Parallel.ForAsync(0, 256, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (octet, _) =>
        {
            foreach (string format in (string[])["%{0:X2}", "%{0:x2}"])
            {
                string escape = string.Format(CultureInfo.InvariantCulture, format, octet);
                string plain = IsUnreserved((char)octet) ? $"{(char)octet}" : escape;
                await AssertAsync($"/x{escape}y", $"/x{plain}y");
                await AssertAsync($"/{escape}ecret", $"/{plain}ecret");
                await AssertAsync($"/open/{escape}{escape}/secret", plain == "." ? Secret : $"/open/{plain}{plain}/secret");
            }

            async Task AssertAsync(string sent, string read)
            {
                byte[] request = Encoding.ASCII.GetBytes($"GET {sent} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n");
                string answer = await HttpLab.AskToEndAsync(lab.ConnectAsync(service), request);
                int expected = octet == 0 ? 400 : read == Secret ? 403 : 200;
                Assert.True(answer.StartsWith($"HTTP/1.1 {expected} ", StringComparison.Ordinal), $"{sent}: {answer}");
                Assert.True(expected != 200 || answer.Contains($"<{read}>", StringComparison.Ordinal), $"{sent}: {answer}");
            }
        });
    }

    /// <summary>RFC 3986 §2.3.</summary>
    private static bool IsUnreserved(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_' or '~';
}
