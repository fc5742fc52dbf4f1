using System.Buffers;
using System.Buffers.Text;

namespace Mesh.Node.Proxy.Http.Tracing;

/// <summary>
/// What a request says of the trace it belongs to: which, its caller's span there, and whether it is recorded. Views of where it was read.
/// </summary>
internal readonly ref struct TraceContext
{
    /// <summary>Hexadecimal digits of a whole trace id.</summary>
    public const int TraceDigits = 32;

    /// <summary>Hexadecimal digits of a span id, and of a short trace id.</summary>
    public const int SpanDigits = 16;

    private const int ParentBytes = 55;

    private static readonly SearchValues<byte> s_digits = SearchValues.Create("0123456789abcdef"u8);

    private TraceContext(ReadOnlySpan<byte> trace, ReadOnlySpan<byte> span, TraceDecision decision)
    {
        Trace = trace;
        Span = span;
        Decision = decision;
    }

    /// <summary>The trace: 32 hexadecimal digits in lower case, or 16 where the caller's ids are short.</summary>
    public ReadOnlySpan<byte> Trace { get; }

    /// <summary>The caller's span: 16 hexadecimal digits in lower case.</summary>
    public ReadOnlySpan<byte> Span { get; }

    /// <summary>Whether it is recorded.</summary>
    public TraceDecision Decision { get; }

    /// <summary>Reads <c>traceparent</c> (W3C Trace Context §3.2), of a later version too as far as the first one goes.</summary>
    public static bool TryReadParent(ReadOnlySpan<byte> text, out TraceContext context)
    {
        context = default;
        if (text.Length < ParentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-'
            || !AreDigits(text[..2]) || text.StartsWith("ff"u8) || !AreDigits(text[53..ParentBytes])
            || (text.Length > ParentBytes && (text.StartsWith("00"u8) || text[ParentBytes] != '-')))
        {
            return false;
        }

        _ = Utf8Parser.TryParse(text[53..ParentBytes], out byte flags, out _, 'x');
        return TryCreate(
            text[3..35], text[36..52], (flags & 1) != 0 ? TraceDecision.Recorded : TraceDecision.NotRecorded, out context);
    }

    /// <summary>Reads <c>b3</c>: trace, span, and perhaps decision and the span before.</summary>
    public static bool TryReadSingle(ReadOnlySpan<byte> text, out TraceContext context)
    {
        context = default;
        int trace = text.IndexOf((byte)'-');
        if (trace < 0 || text.Length < trace + 1 + SpanDigits)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = text[(trace + 1 + SpanDigits)..];
        if (!rest.IsEmpty && (rest.Length < 2 || rest[0] != '-' || (rest.Length > 2 && rest[2] != '-')))
        {
            return false;
        }

        TraceDecision decision = rest.IsEmpty ? TraceDecision.Open : DecisionOf(rest[1..2]);
        return TryCreate(text[..trace], text.Slice(trace + 1, SpanDigits), decision, out context);
    }

    /// <summary>Makes one of what <c>x-b3-traceid</c>, <c>x-b3-spanid</c>, <c>x-b3-sampled</c> and <c>x-b3-flags</c> say.</summary>
    public static bool TryReadMulti(
        ReadOnlySpan<byte> trace,
        ReadOnlySpan<byte> span,
        ReadOnlySpan<byte> sampled,
        ReadOnlySpan<byte> flags,
        out TraceContext context) =>
        TryCreate(trace, span, flags.SequenceEqual("1"u8) ? TraceDecision.Debugged : DecisionOf(sampled), out context);

    private static bool TryCreate(
        ReadOnlySpan<byte> trace, ReadOnlySpan<byte> span, TraceDecision decision, out TraceContext context)
    {
        bool isGood = trace.Length is TraceDigits or SpanDigits && span.Length == SpanDigits && AreDigits(trace) && AreDigits(span)
            && trace.ContainsAnyExcept((byte)'0') && span.ContainsAnyExcept((byte)'0');
        context = isGood ? new TraceContext(trace, span, decision) : default;
        return isGood;
    }

    private static TraceDecision DecisionOf(ReadOnlySpan<byte> text) =>
        text.SequenceEqual("1"u8) || text.SequenceEqual("true"u8) ? TraceDecision.Recorded
        : text.SequenceEqual("0"u8) || text.SequenceEqual("false"u8) ? TraceDecision.NotRecorded
        : text.SequenceEqual("d"u8) ? TraceDecision.Debugged
        : TraceDecision.Open;

    private static bool AreDigits(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(s_digits);
}

/// <summary>Whether the spans of a trace are recorded.</summary>
internal enum TraceDecision
{
    /// <summary>Left to whoever comes next. W3C cannot say that.</summary>
    Open,
    NotRecorded,
    Recorded,

    /// <summary>Recorded whatever samplers say. W3C cannot say more than recorded.</summary>
    Debugged,
}
