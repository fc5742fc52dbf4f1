using Mesh.Api.Identity;
using Mesh.Control.Commands;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The command line: what it does, and what it says when it does not.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    private string State => _directory["state"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Tokens_are_made_listed_replaced_and_revoked()
    {
        (int code, string token, _) = await RunAsync("token", "create", "--state", State, "--node", "node-1");
        Assert.Equal(0, code);
        Assert.StartsWith("mesh-join.", token, StringComparison.Ordinal);
        Assert.Single(token.Trim().Split('\n'));

        (code, string listed, _) = await RunAsync("token", "list", "--state", State);
        Assert.Equal(0, code);
        Assert.Contains("node-1", listed, StringComparison.Ordinal);
        Assert.Contains("active", listed, StringComparison.Ordinal);
        Assert.DoesNotContain(token.Trim()[^43..], listed, StringComparison.Ordinal);

        (code, _, string errors) = await RunAsync("token", "create", "--state", State, "--node", "node-1");
        Assert.Equal(1, code);
        Assert.Contains("--replace", errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("token", "create", "--state", State, "--node", "node-1", "--replace")).Code);

        Assert.Equal(0, (await RunAsync("token", "revoke", "--state", State, "--node", "node-1")).Code);
        Assert.Equal(1, (await RunAsync("token", "revoke", "--state", State, "--node", "node-1")).Code);
        (_, listed, _) = await RunAsync("token", "list", "--state", State);
        Assert.DoesNotContain("active", listed, StringComparison.Ordinal);
        Assert.Equal(2, listed.Split("revoked").Length - 1);
    }

    [Theory]
    [InlineData("token", "list")]
    [InlineData("token", "revoke", "--node", "node-1")]
    [InlineData("ca", "rotate")]
    [InlineData("ca", "revoke", "--node", "node-1")]
    public async Task A_state_directory_that_is_not_there_is_neither_made_nor_taken_for_one_that_holds_nothing(params string[] command)
    {
        (int code, string output, string errors) = await RunAsync([.. command, "--state", State]);

        Assert.Equal((1, ""), (code, output));
        Assert.Equal($"mesh-control: {State} does not exist.", errors.TrimEnd());
        Assert.False(Directory.Exists(State));
    }

    [Fact]
    public async Task What_is_wrong_is_said_in_the_words_of_the_command_line()
    {
        (int code, _, string errors) = await RunAsync("token", "create", "--state", State, "--node", "node 1");

        Assert.Equal(1, code);
        Assert.EndsWith("dashes and underscores.", errors.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_root_is_rotated_once_at_a_time()
    {
        Assert.Equal(1, (await RunAsync("ca", "rotate", "--state", State)).Code);
        await OpenAuthorityAsync();

        (int code, string output, _) = await RunAsync("ca", "rotate", "--state", State, "--overlap", "5s");
        Assert.Equal(0, code);
        Assert.Contains("is trusted from now on", output, StringComparison.Ordinal);
        (code, _, string errors) = await RunAsync("ca", "rotate", "--state", State);
        Assert.Equal(1, code);
        Assert.Contains("under way", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revoking_what_nobody_has_is_said_so()
    {
        await OpenAuthorityAsync();
        (int code, _, string errors) = await RunAsync("ca", "revoke", "--state", State, "--identity", "spiffe://cluster.local/ns/a/sa/b");
        Assert.Equal(1, code);
        Assert.Contains("No valid certificate", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("One of --config and --kubernetes is required", "--state", "S")]
    [InlineData("One of --config and --kubernetes is required", "--config", "C", "--kubernetes", "--state", "S")]
    [InlineData("--kubeconfig and --context belong to --kubernetes", "--config", "C", "--kubeconfig", "K", "--state", "S")]
    [InlineData("--context is one of a --kubeconfig", "--kubernetes", "--context", "c", "--state", "S")]
    [InlineData("--state is required", "--config", "C")]
    [InlineData("--confg is not an option", "--confg", "C", "--state", "S", "--config", "C")]
    [InlineData("'extra' is not expected", "--config", "C", "--state", "S", "extra")]
    [InlineData("--config is given 2 times", "--config", "C", "--config", "D", "--state", "S")]
    [InlineData("--listen: 'nowhere' is not an address", "--config", "C", "--state", "S", "--listen", "nowhere")]
    [InlineData("--listen: '127.0.0.1' is not an address", "--config", "C", "--state", "S", "--listen", "127.0.0.1")]
    [InlineData("--listen: '::1' is not an address", "--config", "C", "--state", "S", "--listen", "::1")]
    [InlineData("--listen: '1.2.3.4:99999' is not an address", "--config", "C", "--state", "S", "--listen", "1.2.3.4:99999")]
    [InlineData("--svid-ttl: '24' is not a duration", "--config", "C", "--state", "S", "--svid-ttl", "24")]
    [InlineData("--svid-ttl: '0s' is not a duration from 1s to 90d", "--config", "C", "--state", "S", "--svid-ttl", "0s")]
    [InlineData("--svid-ttl: '91d' is not a duration", "--config", "C", "--state", "S", "--svid-ttl=91d")]
    [InlineData(
        "--trust-domain: 'Cluster.Local' is not a trust domain", "--config", "C", "--state", "S", "--trust-domain", "Cluster.Local")]
    [InlineData("--excluded-namespace: 'A' is not a namespace", "--config", "C", "--state", "S", "--excluded-namespace", "A")]
    [InlineData("--server-name: 'a b' is neither", "--config", "C", "--state", "S", "--server-name", "a b")]
    [InlineData("--ca-cert, --ca-key and --ca-roots belong together", "--config", "C", "--state", "S", "--ca-key", "K")]
    [InlineData("--otlp-endpoint: 'x' is not an http", "--config", "C", "--state", "S", "--otlp-endpoint", "x")]
    [InlineData("--log-level: 'loud' is none of", "--config", "C", "--state", "S", "--log-level", "loud")]
    [InlineData("--log-format: 'xml' is neither", "--config", "C", "--state", "S", "--log-format", "xml")]
    [InlineData("--recursive: 'maybe' is neither", "--config", "C", "--state", "S", "--recursive", "maybe")]
    [InlineData("--root-namespace: 'A' is not a namespace", "--config", "C", "--state", "S", "--root-namespace", "A")]
    [InlineData("--cluster-domain: '.' is not a DNS name", "--config", "C", "--state", "S", "--cluster-domain", ".")]
    [InlineData("--cluster: 'a/b' cannot", "--config", "C", "--state", "S", "--cluster", "a/b")]
    [InlineData("--state needs a value", "--config", "C", "--state")]
    [InlineData("'frobnicate' is not a command", "frobnicate")]
    [InlineData("--node is required", "token", "create", "--state", "S")]
    [InlineData("One of --node and --id", "token", "revoke", "--state", "S", "--node", "n", "--id", "i")]
    [InlineData("One of --identity, --node and --serial", "ca", "revoke", "--state", "S")]
    [InlineData("--identity: 'x' is not of the form", "ca", "revoke", "--state", "S", "--identity", "x")]
    [InlineData("--overlap: 'soon' is not a duration", "ca", "rotate", "--state", "S", "--overlap", "soon")]
    public async Task What_is_not_understood_is_named_and_nothing_is_done(string problem, params string[] args)
    {
        (int code, _, string errors) = await RunAsync([.. args.Select(arg => arg is "S" or "C" ? _directory[arg] : arg)]);

        Assert.Equal(2, code);
        Assert.Contains(problem, errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task Everything_wrong_is_said_at_once()
    {
        (_, _, string errors) = await RunAsync("--listen", "x", "--svid-ttl", "y", "--what", "z");
        foreach (string option in new[] { "--config", "--state", "--listen", "--svid-ttl", "--what" })
        {
            Assert.Contains(option, errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Help_names_every_option()
    {
        (int code, string output, _) = await RunAsync("--help");
        Assert.Equal(0, code);
        foreach (string option in new[]
        {
            "--config", "--state", "--listen", "--admin", "--trust-domain", "--cluster", "--cluster-domain", "--network",
            "--root-namespace", "--excluded-namespace",
            "--recursive", "--await-capture",
            "--svid-ttl", "--server-name", "--ca-cert", "--ca-key", "--ca-roots", "--otlp-endpoint", "--log-level", "--log-format",
        })
        {
            Assert.Contains(option, output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("10s", 10_000)]
    [InlineData("15m", 900_000)]
    [InlineData("24h", 86_400_000)]
    [InlineData("7d", 604_800_000)]
    public void Durations_read_and_print_the_same(string text, double milliseconds)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
        Assert.True(DurationText.TryParse(DurationText.Format(duration), out TimeSpan again));
        Assert.Equal(duration, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("10")]
    [InlineData("-1s")]
    [InlineData("1.5h")]
    [InlineData("10 s")]
    [InlineData("1h30m")]
    [InlineData("99999999d")]
    public void Anything_else_is_not_a_duration(string text) => Assert.False(DurationText.TryParse(text, out _));

    private async Task OpenAuthorityAsync()
    {
        using CertificateAuthority authority = await CertificateAuthority.OpenAsync(
            new CertificateAuthorityOptions { TrustDomain = TrustDomain.Default },
            new StateDirectory(State, TimeProvider.System),
            TimeProvider.System,
            NullLogger<CertificateAuthority>.Instance,
            TestContext.Current.CancellationToken);
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        int code = await CommandLine.RunAsync(args, output, errors, TimeProvider.System);
        return (code, output.ToString(), errors.ToString());
    }
}
