using System.Buffers;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>What the runtime says in environment variables. Checked; immutable.</summary>
internal sealed class Invocation
{
    private const int ArgumentsCharactersMax = 16 * 1024;
    private const int PathCharactersMax = 4096;
    private const int ContainerIdCharactersMax = 512;
    private const int NameCharactersMax = 253;

    // IFNAMSIZ (linux/if.h) counts the terminator.
    private const int InterfaceCharactersMax = 15;

    private static readonly SearchValues<char> s_idCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    private readonly Func<string, string?> _environment;

    /// <param name="environment">The value of an environment variable; null where it is not set.</param>
    public Invocation(Func<string, string?> environment)
    {
        _environment = environment;
        Command = environment("CNI_COMMAND") ?? "";
    }

    /// <summary>ADD, DEL and so on; empty where none is said.</summary>
    public string Command { get; }

    /// <summary>A request to the agent about one attachment.</summary>
    /// <param name="command">What for.</param>
    /// <param name="network">The name of the runtime's network.</param>
    /// <param name="requiresNamespace">Whether the namespace must be named. A pod that ends may have lost it.</param>
    /// <returns>The request; its pod is null where the container is none of Kubernetes.</returns>
    /// <exception cref="CniException">A variable is missing or wrong.</exception>
    public CniRequest ReadAttachment(CniCommand command, string network, bool requiresNamespace)
    {
        Dictionary<string, string> arguments = ReadArguments();
        string? name = Name(arguments, "K8S_POD_NAME");
        string? podNamespace = Name(arguments, "K8S_POD_NAMESPACE");
        if (name is null != podNamespace is null)
        {
            throw Wrong("CNI_ARGS has one of K8S_POD_NAME and K8S_POD_NAMESPACE without the other.");
        }

        return new CniRequest
        {
            Version = CniMessages.Version,
            Command = command,
            NetworkName = network,
            ContainerId = ContainerId(),
            InterfaceName = InterfaceName(),
            NetworkNamespace = Namespace(requiresNamespace),
            PodName = name,
            PodNamespace = podNamespace,
            PodUid = Name(arguments, "K8S_POD_UID"),
        };
    }

    private static CniException Wrong(string message) => new(CniErrorCode.InvalidEnvironment, message);

    private static string? Name(Dictionary<string, string> arguments, string key)
    {
        if (arguments.GetValueOrDefault(key) is not { Length: > 0 } value)
        {
            return null;
        }

        return value.Length <= NameCharactersMax && !value.AsSpan().ContainsAnyExcept(s_idCharacters)
            ? value
            : throw Wrong($"CNI_ARGS: {key} is not 1 to {NameCharactersMax} letters, digits, dots, hyphens or underscores.");
    }

    private string ContainerId()
    {
        string id = Required("CNI_CONTAINERID");
        return id.Length <= ContainerIdCharactersMax && !id.AsSpan().ContainsAnyExcept(s_idCharacters) && char.IsAsciiLetterOrDigit(id[0])
            ? id
            : throw Wrong("CNI_CONTAINERID is not a letter or digit followed by letters, digits, dots, hyphens and underscores.");
    }

    private string InterfaceName()
    {
        string name = Required("CNI_IFNAME");
        return name.Length <= InterfaceCharactersMax && name is not ("." or "..") && !name.Any(c => c is '/' or ':' || char.IsWhiteSpace(c))
            ? name
            : throw Wrong($"CNI_IFNAME is no name of an interface: at most {InterfaceCharactersMax} characters, no slash, colon or space.");
    }

    private string? Namespace(bool isRequired)
    {
        if (_environment("CNI_NETNS") is not { Length: > 0 } path)
        {
            return isRequired ? throw Wrong("CNI_NETNS is missing.") : null;
        }

        return path.StartsWith('/') && path.Length <= PathCharactersMax && !path.Split('/').Contains("..")
            ? path
            : throw Wrong("CNI_NETNS is not a path from the root without '..'.");
    }

    /// <summary>Semicolons between arguments, an equals sign inside each. Keys that are not ours are passed over.</summary>
    private Dictionary<string, string> ReadArguments()
    {
        string text = _environment("CNI_ARGS") ?? "";
        if (text.Length > ArgumentsCharactersMax)
        {
            throw Wrong($"CNI_ARGS is longer than {ArgumentsCharactersMax} characters.");
        }

        Dictionary<string, string> arguments = new(StringComparer.Ordinal);
        foreach (string pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw Wrong("CNI_ARGS is not key=value, separated by semicolons.");
            }

            if (!arguments.TryAdd(pair[..equals], pair[(equals + 1)..]))
            {
                throw Wrong($"CNI_ARGS has {pair[..equals]} twice.");
            }
        }

        return arguments;
    }

    private string Required(string variable) =>
        _environment(variable) is { Length: > 0 } value ? value : throw Wrong($"{variable} is missing.");
}
