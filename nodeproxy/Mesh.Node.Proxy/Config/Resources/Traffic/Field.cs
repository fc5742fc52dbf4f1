using System.Collections.Immutable;
using System.Globalization;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>A place in a resource, for the words a refusal names it by.</summary>
/// <param name="Path">Such as <c>scopes[0].ports[1].routes[0].forward</c>.</param>
internal readonly record struct Field(string Path)
{
    private const int PortMax = ushort.MaxValue;

    public Field this[string name] => new(Path.Length == 0 ? name : $"{Path}.{name}");

    public Field this[int index] => new(string.Create(CultureInfo.InvariantCulture, $"{Path}[{index}]"));

    /// <exception cref="ResourceRefusedException">Always thrown by who throws it.</exception>
    public ResourceRefusedException Refuse(string reason) => new(Path.Length == 0 ? reason : $"{Path}: {reason}");

    public void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw Refuse(otherwise);
        }
    }

    /// <summary>Reads every item of a list.</summary>
    public ImmutableArray<TResult> Each<TWire, TResult>(RepeatedField<TWire> items, Func<TWire, Field, TResult> read)
    {
        ImmutableArray<TResult>.Builder results = ImmutableArray.CreateBuilder<TResult>(items.Count);
        for (int index = 0; index < items.Count; index++)
        {
            results.Add(read(items[index], this[index]));
        }

        return results.MoveToImmutable();
    }

    public ushort Port(uint value) => value is > 0 and <= PortMax ? (ushort)value : throw Refuse($"{value} is not a port");

    public int Number(uint value, int min, int max) =>
        value >= min && value <= max ? (int)value : throw Refuse($"{value} is not from {min} to {max}");

    /// <summary>A time of at least a millisecond; null where there is none.</summary>
    public TimeSpan? Time(Duration? wire) => Span(wire) switch
    {
        null => null,
        TimeSpan span when span >= TimeSpan.FromMilliseconds(1) => span,
        TimeSpan span => throw Refuse($"{span} is less than a millisecond"),
    };

    /// <summary>A time that may be nothing; null where there is none.</summary>
    public TimeSpan? TimeOrZero(Duration? wire) => Span(wire);

    /// <summary>A time of which none means a default and 0 means none.</summary>
    public TimeSpan? Limit(Duration? wire, TimeSpan? otherwise) => Span(wire) switch
    {
        null => otherwise,
        TimeSpan span when span == TimeSpan.Zero => null,
        TimeSpan => Time(wire),
    };

    private TimeSpan? Span(Duration? wire)
    {
        if (wire is null)
        {
            return null;
        }

        // What .NET's timers take is less than what a Duration can say.
        const long SecondsMax = 40L * 24 * 60 * 60;
        const int NanosMax = 999_999_999;
        Require(
            wire.Seconds is >= 0 and <= SecondsMax && wire.Nanos is >= 0 and <= NanosMax,
            $"{wire.Seconds} s are not from 0 to {SecondsMax} s");
        return wire.ToTimeSpan();
    }
}
