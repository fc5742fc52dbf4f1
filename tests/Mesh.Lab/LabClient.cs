using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Mesh.Lab.Holding;

namespace Mesh.Lab;

/// <summary>A running lab, from outside: sends requests to its holder and starts programs in its namespaces.</summary>
internal sealed class LabClient(LabDirectory directory, HolderProcess holder)
{
    public LabDirectory Directory => directory;

    public HolderProcess Holder => holder;

    /// <summary>Finds a running lab.</summary>
    /// <exception cref="LabException">There is none of that name; the message says which there are.</exception>
    public static LabClient Find(string name)
    {
        LabDirectory directory = LabDirectory.Of(name);
        if (directory.FindHolder() is { } holder)
        {
            return new LabClient(directory, holder);
        }

        if (directory.Exists)
        {
            directory.EnsureReadable();
            throw new LabException(
                $"the lab '{name}' has ended without `lab down`; its logs are in {directory.Logs}, and `lab down` removes what is left");
        }

        string[] running = [.. LabDirectory.Names().Where(other => LabDirectory.Of(other).FindHolder() is not null)];
        string hint = running.Length > 0 ? $"running: {string.Join(", ", running)}" : "`lab up` starts one";
        throw new LabException($"there is no lab '{name}'; {hint}");
    }

    /// <summary>The lab's own file system sees the socket at a path too; this is the way to it from outside.</summary>
    public static string SocketPathOf(HolderProcess holder) => PathInside(holder, Holding.Holder.SocketPath);

    /// <summary>How a file of the lab's mount namespace is reached from outside.</summary>
    public string PathInside(string path) => PathInside(holder, path);

    public async Task<LabResponse> SendAsync(LabRequest request, CancellationToken cancellation = default)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPathOf(holder)), cancellation);
        }
        catch (SocketException exception)
        {
            throw new LabException($"the lab does not answer: {exception.Message}; see {directory.HolderLog}", exception);
        }

        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync((byte[])[.. JsonSerializer.SerializeToUtf8Bytes(request), (byte)'\n'], cancellation);
        using var reader = new StreamReader(stream);
        string text = await reader.ReadToEndAsync(cancellation);
        if (text.Length == 0)
        {
            throw new LabException($"the lab ended while it was asked; see {directory.HolderLog}");
        }

        LabResponse response = JsonSerializer.Deserialize<LabResponse>(text)!;
        return response.Error is null ? response : throw new LabException(response.Error);
    }

    public async Task<LabStatus> StatusAsync(CancellationToken cancellation = default)
    {
        return (await SendAsync(new LabRequest.Status(), cancellation)).Status!;
    }

    /// <summary>Describes a program to be started in a namespace of the lab. Standard streams are the caller's to set.</summary>
    public ProcessStartInfo Describe(string networkNamespace, IEnumerable<string> command)
    {
        string target = holder.ProcessId.ToString(CultureInfo.InvariantCulture);
        string[] user = IsSameUserNamespace() ? [] : ["--user", "--preserve-credentials"];
        return new ProcessStartInfo(
            "nsenter", ["--target", target, .. user, "--mount", "--pid", "--net", "--", Entry.ScriptPath, networkNamespace, .. command]);
    }

    // Entering the user namespace one is in is an error (setns(2)).
    private bool IsSameUserNamespace()
    {
        return UserNamespaceOf("self") == UserNamespaceOf(holder.ProcessId.ToString(CultureInfo.InvariantCulture));
    }

    private static string? UserNamespaceOf(string process) => new FileInfo($"/proc/{process}/ns/user").LinkTarget;

    private static string PathInside(HolderProcess holder, string path)
    {
        return string.Create(CultureInfo.InvariantCulture, $"/proc/{holder.ProcessId}/root{path}");
    }
}
