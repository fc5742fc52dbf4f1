namespace Mesh.Lab.Manifests;

/// <summary>The names Kubernetes allows. They also become file, interface and namespace names here, so nothing else may pass.</summary>
internal static class DnsName
{
    public static bool IsLabel(string text)
    {
        return text.Length is > 0 and <= 63
            && text[0] != '-'
            && text[^1] != '-'
            && text.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');
    }

    public static bool IsSubdomain(string text)
    {
        return text.Length <= 253 && text.Split('.').All(IsLabel);
    }
}
