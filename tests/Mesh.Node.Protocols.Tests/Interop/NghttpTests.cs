using System.Security.Cryptography;

namespace Mesh.Node.Protocols.Tests.Interop;

/// <summary>
/// Goal: nghttp2's clients are served correctly. Method: the real programs against the engine over loopback, cleartext with prior
/// knowledge.
/// </summary>
public sealed class NghttpTests
{
    private const string Package = "nghttp2-client";

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16_384)]
    [InlineData(20_000_000)]
    public void Nghttp_downloads(int bytes)
    {
        using var server = new ContentServer();
        (int exitCode, string output) = Tool.Run(Tool.Find("nghttp", Package), $"http://127.0.0.1:{server.Port}/{bytes}");
        Assert.Equal(0, exitCode);
        Assert.Equal(bytes, output.Length);
        for (int i = 0; i < bytes; i++)
        {
            if (output[i] != ContentServer.ContentAt(i))
            {
                Assert.Fail($"Byte {i} is wrong.");
            }
        }

        Assert.Empty(server.Errors);
    }

    [Theory]
    [InlineData]
    [InlineData("--padding=200")]
    [InlineData("--continuation")] // Large enough headers that CONTINUATION follows.
    [InlineData("--expect-continue")]
    [InlineData("--trailer=x-sent: yes")]
    [InlineData("--no-dep")]
    [InlineData("--window-bits=10", "--connection-window-bits=16")]
    [InlineData("--header-table-size=100")]
    [InlineData("--header-table-size=0", "--encoder-header-table-size=0")]
    [InlineData("--max-concurrent-streams=1")]
    [InlineData("--hexdump", "--verbose")]
    public void Nghttp_uploads(params string[] options)
    {
        string nghttp = Tool.Find("nghttp", Package);
        using var server = new ContentServer();
        string file = Path.GetTempFileName();
        try
        {
            byte[] content = new byte[3_000_000];
            new Random(1).NextBytes(content);
            File.WriteAllBytes(file, content);
            (int exitCode, string output) = Tool.Run(
                nghttp, [.. options, $"--data={file}", "-Hx-large: " + new string('v', 4_000), $"http://127.0.0.1:{server.Port}/upload"]);
            Assert.Equal(0, exitCode);
            Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(content)), output, StringComparison.Ordinal);
            Assert.Empty(server.Errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Nghttp_sees_trailers()
    {
        using var server = new ContentServer();
        (int exitCode, string output) = Tool.Run(Tool.Find("nghttp", Package), "-v", $"http://127.0.0.1:{server.Port}/trailers");
        Assert.Equal(0, exitCode);
        Assert.Contains("x-checked", output, StringComparison.Ordinal);
        Assert.Empty(server.Errors);
    }

    [Theory]
    [InlineData("-n20000", "-c4", "-m50")]
    [InlineData("-n3000", "-c2", "-m200")]
    [InlineData("-n400", "-c1", "-m1")]
    public void H2load_is_served_without_an_error(params string[] options) => Load("5", options);

    [Theory]
    [InlineData("-n200", "-c2", "-m20", "-w16", "-W16")]
    [InlineData("-n200", "-c2", "-m20", "-w30", "-W30")]
    public void H2load_downloads_through_small_and_large_windows(params string[] options) => Load("300000", options);

    [Fact]
    public void H2load_uploads()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, new byte[200_000]);
            Load("upload", "-n300", "-c2", "-m20", $"--data={file}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Load(string path, params string[] options)
    {
        string h2load = Tool.Find("h2load", Package);
        using var server = new ContentServer();
        int requests = int.Parse(options[0][2..], System.Globalization.CultureInfo.InvariantCulture);
        (int exitCode, string output) = Tool.Run(h2load, [.. options, $"http://127.0.0.1:{server.Port}/{path}"]);
        Assert.Equal(0, exitCode);
        Assert.Contains($"{requests} succeeded, 0 failed, 0 errored, 0 timeout", output, StringComparison.Ordinal);
        Assert.Contains($"status codes: {requests} 2xx", output, StringComparison.Ordinal);
        Assert.Empty(server.Errors);
    }
}
