namespace Mesh.Control.Analysis;

/// <summary>
/// What must be in the input for a finding to mean anything: of a single manifest nobody can say that its service does not exist.
/// </summary>
[Flags]
public enum Needs
{
    Nothing = 0,
    Services = 1,
    Workloads = 1 << 1,
    Namespaces = 1 << 2,
    ServiceAccounts = 1 << 3,
    Secrets = 1 << 4,
    GatewayClasses = 1 << 5,
}
