using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>
/// What the program says when it cannot do what it is asked: one line on standard error, and a status. Method: the program itself, as a
/// process.
/// </summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-node-");

    private string ConfigurationFile => Path.Combine(_folder.FullName, "node.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Help_is_printed_when_asked_for()
    {
        (int status, string output, string errors) = await RunAsync("--help");

        Assert.Equal((CommandLine.Success, ""), (status, errors));
        Assert.Contains("mesh-node proxy --config FILE", output);
    }

    [Fact]
    public async Task A_command_that_is_none_is_repeated_with_the_help()
    {
        (int status, _, string errors) = await RunAsync("prox", "--config", "x");

        Assert.Equal(CommandLine.Usage, status);
        Assert.StartsWith("mesh-node: 'prox --config x' is not a command.", errors);
        Assert.Contains("mesh-node proxy --config FILE", errors);
    }

    [Theory]
    [InlineData("proxy", "--config", "")]
    [InlineData("agent", "--config", "")]
    [InlineData("agent", "--remove", "--netns", "")]
    public async Task A_file_without_a_name_is_no_file(params string[] arguments)
    {
        (int status, _, string errors) = await RunAsync(arguments);

        Assert.Equal(CommandLine.Usage, status);
        Assert.StartsWith("mesh-node: '", errors);
    }

    [Fact]
    public async Task A_proxy_without_a_control_plane_says_which_section_it_needs()
    {
        JsonObject sample = ConfigurationTests.Sample();
        sample.Remove("controlPlane");

        await AssertRefusedAsync(sample, "the proxy needs the section controlPlane.");
    }

    [Fact]
    public async Task A_directory_without_OpenSSL_is_named()
    {
        JsonObject sample = ConfigurationTests.Sample("proxy.openSslDirectory", _folder.FullName);

        await AssertRefusedAsync(sample, $"There is no libcrypto.so.3 in {_folder.FullName}.");
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        JsonObject sample = ConfigurationTests.Sample("admin.address", taken.LocalEndPoint!.ToString());
        sample["admin"]!["metrics"] = "";
        sample["admin"]!["readiness"] = "";

        await AssertRefusedAsync(sample, $"{taken.LocalEndPoint}");
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named()
    {
        JsonObject sample = ConfigurationTests.Sample("admin.address", "192.0.2.1:15000");
        sample["admin"]!["metrics"] = "";
        sample["admin"]!["readiness"] = "";

        await AssertRefusedAsync(sample, "192.0.2.1:15000 can be opened: Cannot assign requested address");
    }

    [Theory]
    [InlineData("'--form' is not an option.", "--form", "shop/web")]
    [InlineData("--to needs a value.", "--from", "shop/web", "--to")]
    [InlineData("--admin: 'here' is not an address and port", "--admin", "here")]
    public async Task An_explanation_is_asked_for_with_options_it_knows(string message, params string[] options)
    {
        (int status, string output, string errors) = await RunAsync(["explain", .. options]);

        Assert.Equal((CommandLine.Usage, ""), (status, output));
        Assert.StartsWith($"mesh-node explain: {message}", errors);
        Assert.Contains("--from NAMESPACE/POD", errors);
    }

    [Fact]
    public async Task Where_no_proxy_answers_an_explanation_says_where_it_looked()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        (int status, _, string errors) = await RunAsync("explain", "--admin", $"{silent.LocalEndPoint}", "--from", "a/b", "--to", "c:80");

        Assert.Equal(CommandLine.Failure, status);
        Assert.StartsWith($"mesh-node explain: no proxy answers at {silent.LocalEndPoint} (ConnectionRefused)", errors);
    }

    [Theory]
    [InlineData("200 OK", CommandLine.Success)]
    [InlineData("400 Bad Request", CommandLine.Failure)]
    public async Task An_explanation_is_the_page_of_the_proxy(string answer, int expected)
    {
        using var page = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        page.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        page.Listen();
        Task<string> asked = AnswerAsync(page, $"HTTP/1.1 {answer}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsaid\n");

        (int status, string output, string errors) = await RunAsync(
            "explain", "--admin", $"{page.LocalEndPoint}", "--from", "shop/web", "--to", "cart:80", "--path", "/a?b=1&c", "-H", "x: y z");

        Assert.StartsWith("GET /explain?from=shop%2Fweb&to=cart%3A80&path=%2Fa%3Fb%3D1%26c&header=x%3A%20y%20z HTTP/1.1\r\n", await asked);
        Assert.Equal((expected, expected == CommandLine.Success), (status, output == "said\n"));
        Assert.Equal(expected == CommandLine.Success ? "" : "mesh-node explain: said\n", errors);
    }

    private static async Task<string> AnswerAsync(Socket listener, string answer)
    {
        using Socket connection = await listener.AcceptAsync();
        var request = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            request.Append(Encoding.ASCII.GetString(buffer, 0, await connection.ReceiveAsync(buffer)));
        }

        await connection.SendAsync(Encoding.ASCII.GetBytes(answer));
        return request.ToString();
    }

    private async Task AssertRefusedAsync(JsonObject configuration, string message)
    {
        // The sockets of agent and proxy are not made before the refusals tested here; were they, they should not meet a real node's.
        configuration["handover"] = new JsonObject { ["socketPath"] = Path.Combine(_folder.FullName, "handover.sock") };
        await File.WriteAllTextAsync(ConfigurationFile, configuration.ToJsonString(), TestContext.Current.CancellationToken);

        (int status, _, string errors) = await RunAsync("proxy", "--config", ConfigurationFile);

        Assert.Equal(CommandLine.Failure, status);
        Assert.StartsWith($"mesh-node: {ConfigurationFile}: ", errors);
        Assert.Contains(message, errors);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }

    private static async Task<(int Status, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        using var limit = new CancellationTokenSource(s_limit);
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mesh-node"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            process.Kill();
        }

        return (process.ExitCode, await output, await errors);
    }
}
