using System.Globalization;
using System.Net;

namespace Mesh.Control.Commands;

/// <summary>
/// The options of one command: <c>--name value</c> or <c>--name=value</c>. Strict, and says everything that is wrong at once. Options are
/// taken one by one; what nobody took is unknown.
/// </summary>
internal sealed class Arguments
{
    private readonly List<(string Name, string? Value)> _options = [];
    private readonly List<string> _words = [];
    private readonly List<string> _problems = [];

    private Arguments()
    {
    }

    /// <param name="args">What follows the command.</param>
    /// <param name="flags">Options without a value.</param>
    public static Arguments Of(IReadOnlyList<string> args, params string[] flags)
    {
        var arguments = new Arguments();
        for (int index = 0; index < args.Count; index++)
        {
            string word = args[index];
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                arguments._words.Add(word);
                continue;
            }

            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? word : word[..equals];
            if (equals >= 0)
            {
                arguments._options.Add((name, word[(equals + 1)..]));
            }
            else if (flags.Contains(name))
            {
                arguments._options.Add((name, null));
            }
            else if (index + 1 < args.Count && !args[index + 1].StartsWith("--", StringComparison.Ordinal))
            {
                arguments._options.Add((name, args[++index]));
            }
            else
            {
                arguments._problems.Add($"{name} needs a value.");
            }
        }

        return arguments;
    }

    public bool TakeFlag(string name) => TakeAll(name).Count > 0;

    public string? Take(string name)
    {
        List<string?> values = TakeAll(name);
        if (values.Count > 1)
        {
            _problems.Add($"{name} is given {values.Count} times.");
        }

        return values.Count == 0 ? null : values[^1] ?? string.Empty;
    }

    public string TakeRequired(string name)
    {
        if (Take(name) is { Length: > 0 } value)
        {
            return value;
        }

        _problems.Add($"{name} is required.");
        return string.Empty;
    }

    public IReadOnlyList<string> TakeMany(string name) => [.. TakeAll(name).OfType<string>()];

    public TimeSpan? TakeDuration(string name, TimeSpan min, TimeSpan max)
    {
        if (Take(name) is not { } text)
        {
            return null;
        }

        if (DurationText.TryParse(text, out TimeSpan duration) && duration >= min && duration <= max)
        {
            return duration;
        }

        _problems.Add(
            $"{name}: '{text}' is not a duration from {DurationText.Format(min)} to {DurationText.Format(max)}, such as 30s or 24h.");
        return null;
    }

    public IPEndPoint? TakeEndPoint(string name)
    {
        if (Take(name) is not { } text)
        {
            return null;
        }

        int colon = text.LastIndexOf(':');
        if (colon > 0
            && IPEndPoint.TryParse(text, out IPEndPoint? endPoint)
            && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port == endPoint.Port)
        {
            return endPoint;
        }

        _problems.Add($"{name}: '{text}' is not an address and port such as 127.0.0.1:15012 or [::]:15012.");
        return null;
    }

    public bool? TakeBoolean(string name)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case "true":
                return true;
            case "false":
                return false;
            case { } text:
                _problems.Add($"{name}: '{text}' is neither true nor false.");
                return null;
        }
    }

    public void AddProblem(string problem) => _problems.Add(problem);

    /// <summary>Everything that is wrong, once all options have been taken.</summary>
    public IReadOnlyList<string> Problems =>
    [
        .. _problems,
        .. _options.Select(option => $"{option.Name} is not an option here."),
        .. _words.Select(word => $"'{word}' is not expected here."),
    ];

    private List<string?> TakeAll(string name)
    {
        List<string?> values = [.. _options.Where(option => option.Name == name).Select(option => option.Value)];
        _options.RemoveAll(option => option.Name == name);
        return values;
    }
}
