namespace Mesh.Lab.Cli;

/// <summary>
/// Takes a command's arguments apart: options first as they are asked for, then what is left. What nobody asked for is an error.
/// </summary>
internal sealed class ArgumentReader
{
    private readonly List<string> _rest;
    private readonly string _command;

    /// <param name="command">The command's name, for messages.</param>
    public ArgumentReader(string command, IEnumerable<string> arguments)
    {
        _command = command;
        _rest = [.. arguments];
        int separator = _rest.IndexOf("--");
        if (separator >= 0)
        {
            Tail = _rest[(separator + 1)..];
            _rest.RemoveRange(separator, _rest.Count - separator);
        }
    }

    /// <summary>What stands after `--`; null without one.</summary>
    public IReadOnlyList<string>? Tail { get; }

    public bool Flag(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (_rest.Remove(name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The value of `--name value` or `--name=value`; null when it is not given.</summary>
    public string? Option(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            for (int index = 0; index < _rest.Count; index++)
            {
                if (_rest[index].StartsWith(name + "=", StringComparison.Ordinal))
                {
                    string value = _rest[index][(name.Length + 1)..];
                    _rest.RemoveAt(index);
                    return value;
                }

                if (_rest[index] == name)
                {
                    if (index + 1 == _rest.Count)
                    {
                        throw new LabException($"{_command}: {name} needs a value");
                    }

                    string value = _rest[index + 1];
                    _rest.RemoveRange(index, 2);
                    return value;
                }
            }
        }

        return null;
    }

    /// <summary>Every value of an option that may be repeated.</summary>
    public List<string> Options(params ReadOnlySpan<string> names)
    {
        var values = new List<string>();
        while (Option(names) is { } value)
        {
            values.Add(value);
        }

        return values;
    }

    /// <summary>The next word that is no option; null when there is none. Options are to be asked for before.</summary>
    public string? Word()
    {
        int index = _rest.FindIndex(word => !word.StartsWith('-') || word == "-");
        if (index < 0)
        {
            return null;
        }

        string word = _rest[index];
        _rest.RemoveAt(index);
        return word;
    }

    public string RequiredWord(string what) => Word() ?? throw new LabException($"{_command}: {what} is missing; see `lab help`");

    /// <summary>Called last.</summary>
    public void End()
    {
        if (_rest.Count > 0)
        {
            throw new LabException($"{_command}: '{_rest[0]}' is not understood; see `lab help`");
        }
    }
}
