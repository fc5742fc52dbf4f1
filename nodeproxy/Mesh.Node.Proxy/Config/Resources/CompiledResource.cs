using System.Diagnostics.CodeAnalysis;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// What became of one resource: a value, a refusal, or both, a value to fall back on that is stricter than what was meant.
/// </summary>
/// <param name="Value">Null only with a refusal.</param>
/// <param name="Refusal">Why it is refused; null when it is taken.</param>
/// <param name="Remark">What of it is ignored or taken more strictly; null when nothing is.</param>
internal readonly record struct CompiledResource<T>(T? Value, string? Refusal, string? Remark)
    where T : class
{
    [MemberNotNullWhen(true, nameof(Refusal))]
    [MemberNotNullWhen(false, nameof(Value))]
    public bool IsRefused => Refusal is not null;

    public static implicit operator CompiledResource<T>(T value) => new(value, null, null);

    public static CompiledResource<T> Refused(string reason, T? fallback = null) => new(fallback, reason, null);

    public static CompiledResource<T> WithRemark(T value, string? remark) => new(value, null, remark);
}
