using System.Collections.Immutable;

namespace Mesh.Control.Model.Keys;

/// <summary>What a public key is one of.</summary>
public enum PublicKeyKind
{
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// <summary>A public key tokens are verified by.</summary>
/// <param name="Id">kid; empty for a key without one.</param>
/// <param name="Algorithm">The only algorithm it is for; empty for every one that fits.</param>
/// <param name="Kind">What it is one of.</param>
/// <param name="First">Of RSA the modulus, without zeroes before it; of a curve x, as long as its field; of Ed25519 the key.</param>
/// <param name="Second">Of RSA the exponent, likewise; of a curve y; of Ed25519 empty.</param>
public sealed record PublicKey(
    string Id, string Algorithm, PublicKeyKind Kind, ImmutableArray<byte> First, ImmutableArray<byte> Second);

/// <summary>Where the keys of an issuer are.</summary>
/// <param name="Uri">Of the keys, or of the issuer that says where they are.</param>
/// <param name="IsDiscovered">The address is the issuer's (OpenID Connect Discovery 1.0 §4).</param>
/// <param name="Timeout">Of fetching them.</param>
public sealed record KeyLocation(string Uri, bool IsDiscovered, TimeSpan Timeout);

/// <summary>Keys that are somewhere else, as they were last seen there.</summary>
public interface IKeyReader
{
    /// <summary>Another number than before where any keys differ.</summary>
    long Version { get; }

    /// <summary>The keys at a place; none while they have never been seen.</summary>
    ImmutableArray<PublicKey> KeysAt(KeyLocation location);
}
