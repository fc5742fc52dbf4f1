using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Tracing;

/// <summary>
/// Says of a request's trace in every form what its caller said in one (reference F.5), so that an application that knows one form goes on
/// with the trace of a caller that knows another. No trace is begun, and what is there in any form stays as it is.
/// </summary>
internal static class TraceFields
{
    private const int ValueBytesMax = 64;

    /// <summary>Adds the forms that are missing. Allocates only where the list grows.</summary>
    public static void Complete(HeaderList fields)
    {
        Forms forms = FormsOf(fields);
        if (forms is Forms.None or (Forms.Parent | Forms.Single | Forms.Multi))
        {
            return;
        }

        // What is read is a view of the list, which changes when it grows.
        Span<byte> copy = stackalloc byte[TraceContext.TraceDigits + TraceContext.SpanDigits];
        if (!TryRead(fields, copy, out ReadOnlySpan<byte> trace, out ReadOnlySpan<byte> span, out TraceDecision decision))
        {
            return;
        }

        Span<byte> value = stackalloc byte[ValueBytesMax];
        if ((forms & Forms.Parent) == 0)
        {
            fields.Add("traceparent"u8, value[..WriteParent(trace, span, decision, value)]);
        }

        if ((forms & Forms.Single) == 0)
        {
            fields.Add("b3"u8, value[..WriteSingle(trace, span, decision, value)]);
        }

        if ((forms & Forms.Multi) == 0)
        {
            AddMulti(trace, span, decision, fields);
        }
    }

    private static Forms FormsOf(HeaderList fields)
    {
        Forms forms = Forms.None;
        for (int i = 0; i < fields.Count; i++)
        {
            ReadOnlySpan<byte> name = fields[i].Name;
            forms |= name.Length switch
            {
                2 when name.SequenceEqual("b3"u8) => Forms.Single,
                11 when name.SequenceEqual("traceparent"u8) => Forms.Parent,
                > 5 and < 18 when name.StartsWith("x-b3-"u8) => Forms.Multi,
                _ => Forms.None,
            };
        }

        return forms;
    }

    /// <summary>The caller's context, from the form that says most exactly what it is.</summary>
    private static bool TryRead(
        HeaderList fields, Span<byte> copy, out ReadOnlySpan<byte> trace, out ReadOnlySpan<byte> span, out TraceDecision decision)
    {
        TraceContext context = default;
        bool isRead = (TryGetOnly(fields, "traceparent"u8, out ReadOnlySpan<byte> text) && TraceContext.TryReadParent(text, out context))
            || (TryGetOnly(fields, "b3"u8, out text) && TraceContext.TryReadSingle(text, out context))
            || (TryGetOnly(fields, "x-b3-traceid"u8, out text) && TryGetOnly(fields, "x-b3-spanid"u8, out ReadOnlySpan<byte> caller)
                && TraceContext.TryReadMulti(
                    text, caller, ValueOf(fields, "x-b3-sampled"u8), ValueOf(fields, "x-b3-flags"u8), out context));
        trace = copy[..context.Trace.Length];
        span = copy.Slice(context.Trace.Length, context.Span.Length);
        context.Trace.CopyTo(copy);
        context.Span.CopyTo(copy[context.Trace.Length..]);
        decision = context.Decision;
        return isRead;
    }

    /// <summary>The value of a field that is there once: of two, nobody can say which holds.</summary>
    private static bool TryGetOnly(HeaderList fields, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        int count = 0;
        for (int i = 0; i < fields.Count; i++)
        {
            if (fields[i].Name.SequenceEqual(name))
            {
                value = fields[i].Value;
                count++;
            }
        }

        return count == 1;
    }

    private static ReadOnlySpan<byte> ValueOf(HeaderList fields, ReadOnlySpan<byte> name) =>
        TryGetOnly(fields, name, out ReadOnlySpan<byte> value) ? value : default;

    /// <summary>A short trace id is filled with zeros from the left; a decision that is open counts as not recorded.</summary>
    private static int WriteParent(ReadOnlySpan<byte> trace, ReadOnlySpan<byte> span, TraceDecision decision, Span<byte> value)
    {
        "00-"u8.CopyTo(value);
        value.Slice(3, TraceContext.TraceDigits).Fill((byte)'0');
        trace.CopyTo(value[(3 + TraceContext.TraceDigits - trace.Length)..]);
        value[35] = (byte)'-';
        span.CopyTo(value[36..]);
        (decision is TraceDecision.Recorded or TraceDecision.Debugged ? "-01"u8 : "-00"u8).CopyTo(value[52..]);
        return 55;
    }

    private static int WriteSingle(ReadOnlySpan<byte> trace, ReadOnlySpan<byte> span, TraceDecision decision, Span<byte> value)
    {
        trace.CopyTo(value);
        int bytes = trace.Length;
        value[bytes++] = (byte)'-';
        span.CopyTo(value[bytes..]);
        bytes += span.Length;
        if (decision != TraceDecision.Open)
        {
            value[bytes++] = (byte)'-';
            value[bytes++] = decision switch
            {
                TraceDecision.Recorded => (byte)'1',
                TraceDecision.Debugged => (byte)'d',
                _ => (byte)'0',
            };
        }

        return bytes;
    }

    private static void AddMulti(ReadOnlySpan<byte> trace, ReadOnlySpan<byte> span, TraceDecision decision, HeaderList fields)
    {
        fields.Add("x-b3-traceid"u8, trace);
        fields.Add("x-b3-spanid"u8, span);
        switch (decision)
        {
            case TraceDecision.Recorded:
                fields.Add("x-b3-sampled"u8, "1"u8);
                break;
            case TraceDecision.NotRecorded:
                fields.Add("x-b3-sampled"u8, "0"u8);
                break;
            case TraceDecision.Debugged:
                fields.Add("x-b3-flags"u8, "1"u8);
                break;
        }
    }

    [Flags]
    private enum Forms
    {
        None = 0,

        /// <summary><c>traceparent</c>.</summary>
        Parent = 1,

        /// <summary><c>b3</c>.</summary>
        Single = 2,

        /// <summary><c>x-b3-traceid</c> and those beside it.</summary>
        Multi = 4,
    }
}
