using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// What routing may look at in a request. Implemented by a value over the head of the message, so that looking copies nothing; every span
/// is valid as long as that head is.
/// </summary>
public interface IRequestFacts
{
    /// <summary>The method as sent; its case counts (RFC 9110 §9.1).</summary>
    ReadOnlySpan<byte> Method { get; }

    /// <summary>http or https, lower case.</summary>
    ReadOnlySpan<byte> Scheme { get; }

    /// <summary>Host and, where the client wrote one, port.</summary>
    ReadOnlySpan<byte> Authority { get; }

    /// <summary>The path in its normalised form, without the query; begins with a slash, or is * for OPTIONS.</summary>
    ReadOnlySpan<byte> Path { get; }

    /// <summary>What follows the question mark, as sent; empty when there is none.</summary>
    ReadOnlySpan<byte> Query { get; }

    /// <summary>Who asks; null when nobody can say.</summary>
    Workload? Source { get; }

    /// <summary>The value of a field. One that was sent in several lines is joined by commas (RFC 9110 §5.3).</summary>
    /// <param name="name">Lower case.</param>
    /// <param name="value">Without surrounding whitespace; may be empty.</param>
    bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
}
