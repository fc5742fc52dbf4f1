using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Reads what stands between the data of chunks: the end of one, the size and the extensions of the next (RFC 9112 §7.1). Byte by byte,
/// because it is short and may be cut anywhere.
/// </summary>
/// <remarks>
/// Extensions are checked, counted and dropped. The whitespace around their parts that RFC 9112 has recipients tolerate is refused: nobody
/// sends it, and parsers that tolerate it have disagreed on where the line ends.
/// </remarks>
internal struct ChunkHeadReader
{
    private const int SizeDigitsMax = 16;

    private Step _step;
    private int _digits;
    private int _extensionBytes;
    private int _extensionsBytes;

    private enum Step
    {
        FirstDigit,
        Digit,
        LineFeed,
        DataReturn,
        DataLineFeed,

        // From here on bytes are those of extensions.
        ExtensionStart,
        ExtensionName,
        ExtensionValueStart,
        ExtensionValue,
        Quoted,
        QuotedPair,
        QuotedEnd,
    }

    /// <summary>The size of the chunk that begins, 0 for the last.</summary>
    public long ChunkBytes { get; private set; }

    /// <summary>Says that the data of a chunk has been read.</summary>
    public void OnDataEnd() => _step = Step.DataReturn;

    /// <summary>Reads on.</summary>
    /// <param name="span">What there is.</param>
    /// <param name="options">The limits.</param>
    /// <param name="consumedBytes">How much of it was read.</param>
    /// <param name="refusal">Why not, if not.</param>
    /// <returns>True when the head is complete and <see cref="ChunkBytes"/> is known.</returns>
    public bool TryRead(ReadOnlySpan<byte> span, Http1Options options, out int consumedBytes, out Http1Refusal refusal)
    {
        refusal = Http1Refusal.None;
        for (consumedBytes = 0; consumedBytes < span.Length;)
        {
            byte next = span[consumedBytes++];
            if (_step == Step.LineFeed)
            {
                refusal = next == (byte)'\n' ? Http1Refusal.None : Http1Refusal.BadChunkSize;
                _step = Step.FirstDigit;
                _digits = 0;
                _extensionBytes = 0;
                return refusal == Http1Refusal.None;
            }

            refusal = _step switch
            {
                Step.FirstDigit or Step.Digit => OnSize(next),
                Step.DataReturn or Step.DataLineFeed => OnDataEnd(next),
                _ => OnExtension(next),
            };

            // All but the CR after it; the semicolon before it is the first.
            if (_step >= Step.ExtensionStart && refusal == Http1Refusal.None)
            {
                refusal = CountExtension(options);
            }

            if (refusal != Http1Refusal.None)
            {
                return false;
            }
        }

        return false;
    }

    private Http1Refusal OnSize(byte next)
    {
        int digit = HexValueOf(next);
        if (digit >= 0)
        {
            ChunkBytes = _step == Step.FirstDigit ? 0 : ChunkBytes;
            if (++_digits > SizeDigitsMax || ChunkBytes > long.MaxValue >> 4)
            {
                return Http1Refusal.ChunkTooLarge;
            }

            ChunkBytes = (ChunkBytes << 4) | (uint)digit;
            _step = Step.Digit;
            return Http1Refusal.None;
        }

        if (_step == Step.FirstDigit)
        {
            return Http1Refusal.BadChunkSize;
        }

        return OnPartEnd(next) ? Http1Refusal.None : Http1Refusal.BadChunkSize;
    }

    /// <summary>The end of a size or an extension: of the line, or the beginning of another extension.</summary>
    private bool OnPartEnd(byte next)
    {
        switch (next)
        {
            case (byte)'\r':
                _step = Step.LineFeed;
                return true;

            case (byte)';':
                _step = Step.ExtensionStart;
                return true;

            default:
                return false;
        }
    }

    private Http1Refusal OnDataEnd(byte next)
    {
        if (next != (_step == Step.DataReturn ? (byte)'\r' : (byte)'\n'))
        {
            return Http1Refusal.BadChunkEnd;
        }

        _step = _step == Step.DataReturn ? Step.DataLineFeed : Step.FirstDigit;
        return Http1Refusal.None;
    }

    private Http1Refusal OnExtension(byte next)
    {
        bool isToken = FieldRules.TokenBytes.Contains(next);
        bool isGood = _step switch
        {
            Step.ExtensionStart => isToken && Go(Step.ExtensionName),
            Step.ExtensionName => isToken || (next == (byte)'=' && Go(Step.ExtensionValueStart)) || OnPartEnd(next),
            Step.ExtensionValueStart => (isToken && Go(Step.ExtensionValue)) || (next == (byte)'"' && Go(Step.Quoted)),
            Step.ExtensionValue => isToken || OnPartEnd(next),
            Step.Quoted => IsText(next) && next switch
            {
                (byte)'"' => Go(Step.QuotedEnd),
                (byte)'\\' => Go(Step.QuotedPair),
                _ => true,
            },
            Step.QuotedPair => IsText(next) && Go(Step.Quoted),
            _ => OnPartEnd(next),
        };
        return isGood ? Http1Refusal.None : Http1Refusal.BadChunkExtension;
    }

    private Http1Refusal CountExtension(Http1Options options)
    {
        _extensionBytes++;
        _extensionsBytes++;
        bool isTooLarge = _extensionBytes > options.ChunkExtensionBytesMax || _extensionsBytes > options.ChunkExtensionsBytesMax;
        return isTooLarge ? Http1Refusal.ChunkExtensionsTooLarge : Http1Refusal.None;
    }

    private bool Go(Step step)
    {
        _step = step;
        return true;
    }

    private static int HexValueOf(byte next) => next switch
    {
        >= (byte)'0' and <= (byte)'9' => next - '0',
        >= (byte)'a' and <= (byte)'f' => next - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => next - 'A' + 10,
        _ => -1,
    };

    private static bool IsText(byte next) => next is (byte)'\t' or (>= (byte)' ' and not 0x7F);
}
