using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Origination;
using Mesh.Testing.Certificates;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Origination;

/// <summary>
/// Goal: a file is what its links lead to, as Secrets in pods are, and never more than its limit. Method: folders that a link is turned
/// between, and files to the byte.
/// </summary>
public sealed class OriginationFilesTests : IDisposable
{
    private const int FileBytesMax = 1024 * 1024;

    private static readonly DateTime s_writtenAt = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private static readonly TlsOrigination s_rule = new() { RootsFile = "ca.pem" };

    private readonly TestCa _ca = TestCa.CreateRoot();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-tls-files");
    private readonly OriginationFiles _files;

    public OriginationFilesTests()
    {
        _files = new OriginationFiles(_folder.FullName);
        Directory.CreateDirectory(PathOf("..1"));
        Directory.CreateDirectory(PathOf("..2"));
        Directory.CreateSymbolicLink(PathOf("..data"), "..1");
        File.CreateSymbolicLink(PathOf("ca.pem"), Path.Combine("..data", "ca.pem"));
    }

    public void Dispose()
    {
        _ca.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("other")]
    [InlineData("roots and others")]
    public void The_state_is_that_of_what_links_lead_to(string renewed)
    {
        Write("..1", "roots");
        Write("..2", renewed);
        string first = _files.StampOf(s_rule);
        Assert.Equal(first, _files.StampOf(s_rule));
        Turn("..2");
        Assert.NotEqual(first, _files.StampOf(s_rule));
        Turn("..1");
        Assert.Equal(first, _files.StampOf(s_rule));
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_a_file_that_cannot_be_read()
    {
        string nothing = _files.StampOf(s_rule);
        Assert.Contains("cannot be read", Refusal(), StringComparison.Ordinal);
        Write("..1", _ca.CertificatePem);
        Assert.NotEqual(nothing, _files.StampOf(s_rule));
        Assert.False(_files.Read(s_rule, OriginationUse.Http1).IsServer);
    }

    [Fact]
    public void The_limit_is_on_what_links_lead_to()
    {
        Write("..1", _ca.CertificatePem.PadRight(FileBytesMax, '\n'));
        Assert.False(_files.Read(s_rule, OriginationUse.Http1).IsServer);
        Write("..1", _ca.CertificatePem.PadRight(FileBytesMax + 1, '\n'));
        Assert.Contains($"is larger than {FileBytesMax} bytes", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_no_end_is_refused()
    {
        File.CreateSymbolicLink(Path.Combine(PathOf("..1"), "ca.pem"), "/dev/zero");
        Assert.Contains("has grown while it was read", Refusal(), StringComparison.Ordinal);
    }

    private string Refusal() =>
        Assert.Throws<TlsConfigurationException>(() => _files.Read(s_rule, OriginationUse.Http1)).Message;

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private void Write(string folder, string text)
    {
        string path = Path.Combine(PathOf(folder), "ca.pem");
        File.WriteAllText(path, text);
        File.SetLastWriteTimeUtc(path, s_writtenAt);
    }

    private void Turn(string folder)
    {
        Directory.Delete(PathOf("..data"));
        Directory.CreateSymbolicLink(PathOf("..data"), folder);
    }
}
