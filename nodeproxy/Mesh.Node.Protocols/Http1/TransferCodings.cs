using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>What the Transfer-Encoding fields of one head say, all of them one list (RFC 9112 §6.1).</summary>
internal struct TransferCodings
{
    private bool _hasOther;
    private bool _isMalformed;

    /// <summary>True when there was such a field.</summary>
    public bool IsPresent { get; private set; }

    private bool IsChunkedLast { get; set; }

    public void Read(ReadOnlySpan<byte> value)
    {
        IsPresent = true;
        bool isAtEnd = false;
        while (!isAtEnd)
        {
            ReadOnlySpan<byte> coding = FieldRules.NextElement(ref value, ref isAtEnd);

            // Nothing may follow chunked, and an empty element, which other lists may have, is here what one server skips and another
            // does not.
            _isMalformed |= IsChunkedLast || coding.IsEmpty;
            IsChunkedLast = Ascii.EqualsIgnoreCase(coding, "chunked"u8);
            _hasOther |= !IsChunkedLast;
        }
    }

    /// <summary>Judges them at the end of the head: chunked alone is understood.</summary>
    public readonly Http1Refusal Judge(HttpProtocol protocol, bool hasContentLength)
    {
        if (!IsPresent)
        {
            return Http1Refusal.None;
        }

        if (protocol == HttpProtocol.Http10)
        {
            return Http1Refusal.TransferEncodingInHttp10;
        }

        if (hasContentLength)
        {
            return Http1Refusal.ContentLengthWithTransferEncoding;
        }

        if (_isMalformed || !IsChunkedLast)
        {
            return Http1Refusal.BadTransferEncoding;
        }

        return _hasOther ? Http1Refusal.UnsupportedTransferCoding : Http1Refusal.None;
    }
}
