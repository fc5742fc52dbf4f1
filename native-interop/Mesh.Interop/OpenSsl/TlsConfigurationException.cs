namespace Mesh.Interop.OpenSsl;

/// <summary>A TLS configuration that cannot work. The message names the part that is wrong and never shows key material.</summary>
public sealed class TlsConfigurationException : Exception
{
    /// <summary>Names what is wrong.</summary>
    public TlsConfigurationException(string message)
        : base(message)
    {
    }

    /// <summary>Names what is wrong and keeps the cause.</summary>
    public TlsConfigurationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
