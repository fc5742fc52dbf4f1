using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Policies;
using Field = Mesh.Node.Proxy.Config.Resources.Traffic.Field;
using RateLimit = Mesh.Node.Model.Policies.Limits.RateLimit;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>How many requests workloads take, from this mesh's own extension. It is read whole or refused.</summary>
internal static class RateLimitsCompiler
{
    private const int LimitsMax = 64;
    private const int RequestsMax = 1_000_000;
    private static readonly TimeSpan s_intervalMax = TimeSpan.FromHours(1);
    private static readonly AuthorizationRule s_all = new([]);

    /// <param name="config">The extension's content.</param>
    /// <param name="readRule">Reads a rule, which is given whole and as far as it is known here.</param>
    /// <exception cref="ResourceRefusedException">Something of it cannot be read.</exception>
    public static ImmutableArray<RateLimit> Compile(Any? config, Func<Wire.Rule, Wire.Rule, AuthorizationRule> readRule)
    {
        if (config is null || !config.Is(RateLimits.Descriptor))
        {
            throw new ResourceRefusedException($"its content is a '{config?.TypeUrl}'");
        }

        RateLimits wire;
        try
        {
            wire = RateLimits.Parser.ParseFrom(config.Value);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ResourceRefusedException($"its content cannot be decoded: {exception.Message}");
        }

        RateLimits known = UnknownFields.Without(wire, RateLimits.Parser);
        var field = new Field("limits");
        field.Require(wire.Limits.Count <= LimitsMax, $"{wire.Limits.Count} limits are more than {LimitsMax}");
        ImmutableArray<RateLimit>.Builder limits = ImmutableArray.CreateBuilder<RateLimit>(wire.Limits.Count);
        for (int index = 0; index < wire.Limits.Count; index++)
        {
            limits.Add(Read(wire.Limits[index], known.Limits[index], field[index], readRule));
        }

        return limits.MoveToImmutable();
    }

    private static RateLimit Read(
        Mesh.Api.Policies.RateLimit wire,
        Mesh.Api.Policies.RateLimit known,
        Field field,
        Func<Wire.Rule, Wire.Rule, AuthorizationRule> readRule)
    {
        // A condition that is not known is the rule's matter, and makes it hold for more. What else a limit says could make it another.
        field.Require(!UnknownFields.Of(wire, known).Any(), "it has a field that is not known here");
        TimeSpan interval = field["interval"].Time(wire.Interval) ?? throw field["interval"].Refuse("it is missing");
        field["interval"].Require(interval <= s_intervalMax, $"{interval} is longer than {s_intervalMax}");
        return new RateLimit(
            wire.Match is null ? s_all : readRule(wire.Match, known.Match),
            field["requests"].Number(wire.Requests, 1, RequestsMax),
            interval,
            field["burst"].Number(wire.Burst, 1, RequestsMax),
            wire.ByClient);
    }
}
