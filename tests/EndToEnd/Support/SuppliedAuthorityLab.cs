using Mesh.Lab;
using Mesh.Testing.Certificates;

namespace Mesh.EndToEnd.Support;

/// <summary>A lab whose certificates are signed by an authority of the test, so that the test can sign as well.</summary>
public class SuppliedAuthorityLab : TwoNodeLab
{
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("mesh-authority");

    public SuppliedAuthorityLab()
    {
        Signing = Root.CreateIntermediate();
        Write("root.pem", Root.CertificatePem);
        Write("signing.pem", Signing.CertificatePem);
        Write("signing-key.pem", Signing.PrivateKeyPem);
    }

    public TestCa Root { get; } = TestCa.CreateRoot();

    public TestCa Signing { get; }

    protected override LabOptions Options => new()
    {
        ControlArguments = ["--ca-cert", PathOf("signing.pem"), "--ca-key", PathOf("signing-key.pem"), "--ca-roots", RootFile],
    };

    /// <summary>The file with the root's certificate.</summary>
    protected string RootFile => PathOf("root.pem");

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _files.Delete(recursive: true);
        Signing.Dispose();
        Root.Dispose();
        GC.SuppressFinalize(this);
    }

    private string PathOf(string name) => Path.Combine(_files.FullName, name);

    private void Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
