using System.Buffers;
using System.Net;
using System.Text.Json;
using Mesh.Node.Capture.Handover;

namespace Mesh.Node.Capture.Pods;

/// <summary>Reads and checks one pod file. Pure.</summary>
internal static class PodFileReader
{
    /// <summary>The largest file that is read.</summary>
    public const int FileBytesMax = 64 * 1024;

    private const int NameCharactersMax = 253;
    private const int UidCharactersMax = 128;
    private const int ProbesMax = 256;
    private const int AddressesMax = 64;

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

    /// <summary>Reads a file.</summary>
    /// <param name="uid">The UID its name gives.</param>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="CaptureException">Something is wrong with it; the message names the field.</exception>
    public static PodSpec Read(string uid, ReadOnlySpan<byte> content)
    {
        PodFile file;
        try
        {
            file = JsonSerializer.Deserialize(content, PodFileJson.Default.PodFile) ?? throw new CaptureException("the file says null");
        }
        catch (JsonException malformed)
        {
            throw new CaptureException(malformed.Message, malformed);
        }

        RequireName(file.Uid, "uid", UidCharactersMax);
        RequireName(file.Name, "name", NameCharactersMax);
        RequireName(file.Namespace, "namespace", NameCharactersMax);
        RequireName(file.ServiceAccount, "serviceAccount", NameCharactersMax);
        if (file.Uid != uid)
        {
            throw new CaptureException($"uid is {file.Uid}, but the file's name says {uid}");
        }

        if (!file.NetworkNamespace.StartsWith('/') || file.NetworkNamespace.Contains('\0', StringComparison.Ordinal))
        {
            throw new CaptureException($"networkNamespace must be an absolute path, not {file.NetworkNamespace}");
        }

        if (file.Addresses.Count > AddressesMax || file.Probes.Count > ProbesMax)
        {
            throw new CaptureException($"there are more than {AddressesMax} addresses or {ProbesMax} probes");
        }

        return new PodSpec
        {
            Uid = file.Uid,
            Name = file.Name,
            Namespace = file.Namespace,
            ServiceAccount = file.ServiceAccount,
            NetworkNamespace = file.NetworkNamespace,
            Addresses = [.. file.Addresses.Select(ReadAddress)],
            Annotations = file.Annotations,
            Probes = [.. file.Probes.Select(ReadProbe)],
        };
    }

    /// <summary>Whether a text can be part of an identity and of a file name.</summary>
    public static bool IsName(string text, int charactersMax = NameCharactersMax) =>
        text.Length > 0 && text.Length <= charactersMax && !text.AsSpan().ContainsAnyExcept(s_nameCharacters);

    private static void RequireName(string text, string field, int charactersMax)
    {
        if (!IsName(text, charactersMax))
        {
            throw new CaptureException($"{field} must be 1 to {charactersMax} letters, digits, dots, hyphens or underscores, not '{text}'");
        }
    }

    private static IPAddress ReadAddress(string text)
    {
        // Only the usual spelling: the parser also takes 10.1, 0x0a000001 and scopes.
        if (!IPAddress.TryParse(text, out IPAddress? address)
            || !string.Equals(address.ToString(), text, StringComparison.OrdinalIgnoreCase))
        {
            throw new CaptureException($"addresses: '{text}' is not an IP address in its usual form");
        }

        return address;
    }

    private static PodProbe ReadProbe(PodFileProbe probe)
    {
        if (probe.Port is < 1 or > ushort.MaxValue)
        {
            throw new CaptureException($"probes: port {probe.Port} is not between 1 and 65535");
        }

        return probe switch
        {
            { Kind: "http", Service: null } when probe.Path is null or ['/', ..] =>
                new PodProbe(PodProbeKind.Http, probe.Port, probe.Path ?? "/", ""),
            { Kind: "grpc", Path: null } => new PodProbe(PodProbeKind.Grpc, probe.Port, "", probe.Service ?? ""),
            { Kind: "tcp", Path: null, Service: null } => new PodProbe(PodProbeKind.Tcp, probe.Port, "", ""),
            _ => throw new CaptureException(
                "probes: kind is http (with a path that begins with a slash), grpc (with a service) or tcp, "
                + $"not '{probe.Kind}' with what stands beside it"),
        };
    }
}
