namespace Mesh.Node.Capture.Rules;

/// <summary>Which packets a chain's rules look at.</summary>
internal enum RuleProtocol
{
    Tcp,
    Udp,
}
