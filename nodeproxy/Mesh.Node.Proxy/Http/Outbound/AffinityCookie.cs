using System.Buffers;
using System.Buffers.Text;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>
/// The cookie by which a client without one is led back to the endpoint it came to first (Istio's <c>httpCookie</c> with a <c>ttl</c>). Its
/// value is what later requests are hashed by, and so must be this one. Allocates nothing.
/// </summary>
internal static class AffinityCookie
{
    /// <summary>Bytes of a value.</summary>
    public const int ValueBytes = 16;

    private const int LifetimeBytesMax = 40;

    /// <summary>Writes a value.</summary>
    /// <param name="drawn">The connection's: requests on it at the same time are given the same value, and stay together.</param>
    /// <param name="value">Room for <see cref="ValueBytes"/>.</param>
    public static void WriteValue(ulong drawn, Span<byte> value) =>
        Utf8Formatter.TryFormat(drawn, value, out _, new StandardFormat('x', ValueBytes));

    /// <summary>Tells the client of it (RFC 6265 §4.1).</summary>
    /// <param name="policy">Says its name, path and lifetime.</param>
    /// <param name="drawn">As above.</param>
    /// <param name="texts">Scratch; replaced.</param>
    /// <param name="answer">Its fields; others that set cookies stay.</param>
    public static void Add(HashPolicy policy, ulong drawn, ArrayBufferWriter<byte> texts, HeaderList answer)
    {
        texts.ResetWrittenCount();
        texts.Write(policy.NameBytes);
        texts.Write("="u8);
        WriteValue(drawn, texts.GetSpan(ValueBytes));
        texts.Advance(ValueBytes);
        if (policy.CookieTtl is TimeSpan lifetime && lifetime > TimeSpan.Zero)
        {
            Span<byte> age = texts.GetSpan(LifetimeBytesMax);
            "; Max-Age="u8.CopyTo(age);
            Utf8Formatter.TryFormat((long)lifetime.TotalSeconds, age["; Max-Age=".Length..], out int digits);
            texts.Advance("; Max-Age=".Length + digits);
        }

        if (!policy.CookiePathBytes.IsEmpty)
        {
            texts.Write("; Path="u8);
            texts.Write(policy.CookiePathBytes);
        }

        texts.Write("; HttpOnly"u8);
        answer.Add("set-cookie"u8, texts.WrittenSpan);
    }
}
