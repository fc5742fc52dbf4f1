using Mesh.Lab;
using Mesh.Testing.Certificates;

namespace Mesh.EndToEnd.Support;

/// <summary>A lab whose certificates are signed by an authority of the test, so that the test can sign as well.</summary>
public sealed class SuppliedAuthorityLab : TwoNodeLab, IDisposable
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
        ControlArguments = ["--ca-cert", PathOf("signing.pem"), "--ca-key", PathOf("signing-key.pem"), "--ca-roots", PathOf("root.pem")],
    };

    public void Dispose()
    {
        _files.Delete(recursive: true);
        Signing.Dispose();
        Root.Dispose();
    }

    private string PathOf(string name) => Path.Combine(_files.FullName, name);

    private void Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
