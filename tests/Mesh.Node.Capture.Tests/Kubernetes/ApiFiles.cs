using Mesh.Testing.Kubernetes;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>What a pod is given to reach the API server, in a folder of its own.</summary>
internal sealed class ApiFiles : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mesh-account-").FullName;

    public ApiFiles(ApiCertificate? certificate = null)
    {
        WriteToken("the-token");
        File.WriteAllText(RootFile, certificate?.RootPem ?? "");
    }

    public string TokenFile => Path.Combine(_folder, "token");

    public string RootFile => Path.Combine(_folder, "ca.crt");

    public void WriteToken(string token) => File.WriteAllText(TokenFile, token);

    public KubernetesOptions OptionsFor(ApiServer server, string hostProc = "/proc") => new()
    {
        Enabled = true,
        Server = server.Address,
        TokenFile = TokenFile,
        RootCertificateFile = RootFile,
        HostProc = hostProc,
        ExcludedNamespaces = ["private"],
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
