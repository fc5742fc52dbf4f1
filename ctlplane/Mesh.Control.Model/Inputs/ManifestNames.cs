using System.Buffers;

namespace Mesh.Control.Model.Inputs;

/// <summary>The forms Kubernetes gives to names. They end up in identities and resource names, so nothing else is let in.</summary>
public static class ManifestNames
{
    /// <summary>Longest DNS label: namespaces and services.</summary>
    public const int LabelCharsMax = 63;

    /// <summary>Longest DNS name: everything else.</summary>
    public const int SubdomainCharsMax = 253;

    private static readonly SearchValues<char> s_labelCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>RFC 1123 label: lower-case letters, digits and dashes, a dash neither first nor last.</summary>
    public static bool IsLabel(ReadOnlySpan<char> text) =>
        text.Length is > 0 and <= LabelCharsMax
        && !text.ContainsAnyExcept(s_labelCharacters)
        && text[0] != '-'
        && text[^1] != '-';

    /// <summary>
    /// The name of a port: a label with a letter in it, so that a number in quotes is no name. (Kubernetes allows 15 characters; longer
    /// ones do no harm.)
    /// </summary>
    public static bool IsPortName(ReadOnlySpan<char> text) => IsLabel(text) && text.ContainsAnyInRange('a', 'z');

    /// <summary>RFC 1123 labels joined by dots.</summary>
    public static bool IsSubdomain(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > SubdomainCharsMax)
        {
            return false;
        }

        foreach (Range part in text.Split('.'))
        {
            if (!IsLabel(text[part]))
            {
                return false;
            }
        }

        return true;
    }
}
