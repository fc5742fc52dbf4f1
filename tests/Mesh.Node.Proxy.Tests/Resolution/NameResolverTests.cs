using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Proxy.Resolution;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Resolution;

public sealed class NameResolverTests
{
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task Finds_names_again_and_again_and_tells_what_has_changed()
    {
        var lookup = new ScriptedNames();
        lookup.Say("a.example.org", "10.0.0.1");
        using var resolver = new NameResolver(lookup, s_refresh, NullLogger.Instance);
        int told = 0;
        resolver.Answered += () => Interlocked.Increment(ref told);
        Assert.Null(resolver.Find("a.example.org"));
        resolver.Watch(Named("a.example.org"));
        await Eventually.TrueAsync(() => Volatile.Read(ref told) == 1, LabNode.Patience);
        Assert.Equal("10.0.0.1", resolver.Find("a.example.org")!.First.ToString());

        // The same answer is no news.
        int asked = lookup.CountOf("a.example.org");
        await Eventually.TrueAsync(() => lookup.CountOf("a.example.org") > asked + 3, LabNode.Patience);
        Assert.Equal(1, Volatile.Read(ref told));
        lookup.Say("a.example.org", "10.0.0.2", "10.0.0.1");
        await Eventually.TrueAsync(() => resolver.Find("a.example.org")!.Addresses.Length == 2, LabNode.Patience);
        Assert.Equal("10.0.0.2", resolver.Find("a.example.org")!.First.ToString());
        await Eventually.TrueAsync(() => Volatile.Read(ref told) == 2, LabNode.Patience);
    }

    [Fact]
    public async Task Keeps_the_last_good_answer_and_forgets_names_that_nobody_has()
    {
        var lookup = new ScriptedNames();
        lookup.Say("a.example.org", "10.0.0.1");
        using var resolver = new NameResolver(lookup, s_refresh, NullLogger.Instance);
        resolver.Watch(Named("a.example.org", "b.example.org"));
        await Eventually.TrueAsync(() => resolver.Find("a.example.org") is not null, LabNode.Patience);
        lookup.Say("a.example.org");
        int asked = lookup.CountOf("a.example.org");
        await Eventually.TrueAsync(() => lookup.CountOf("a.example.org") > asked + 2, LabNode.Patience);
        Assert.Equal("10.0.0.1", resolver.Find("a.example.org")!.First.ToString());
        Assert.Null(resolver.Find("b.example.org"));
        resolver.Watch(Named("b.example.org"));
        Assert.Null(resolver.Find("a.example.org"));
    }

    [Fact]
    public async Task One_name_that_nobody_answers_for_keeps_no_other_waiting()
    {
        var lookup = new ScriptedNames();
        using var answered = new ManualResetEventSlim();
        lookup.Hold("slow.example.org", answered);
        string[] names = [.. Enumerable.Range(0, 50).Select(index => $"n{index}.example.org")];
        foreach (string name in names)
        {
            lookup.Say(name, "10.0.0.1");
        }

        using var resolver = new NameResolver(lookup, s_refresh, NullLogger.Instance);
        resolver.Watch(Named([.. names, "slow.example.org"]));
        await Eventually.TrueAsync(() => names.All(name => resolver.Find(name) is not null), LabNode.Patience);
        Assert.Null(resolver.Find("slow.example.org"));
        answered.Set();
    }

    [Fact]
    public async Task Names_that_are_not_found_leave_threads_to_those_that_are()
    {
        var lookup = new ScriptedNames();
        using var answered = new ManualResetEventSlim();
        string[] dead = [.. Enumerable.Range(0, 20).Select(index => $"n{index}.dead.example")];
        using var resolver = new NameResolver(lookup, s_refresh, NullLogger.Instance);
        resolver.Watch(Named(dead));
        await Eventually.TrueAsync(() => dead.All(name => lookup.CountOf(name) > 0), LabNode.Patience);
        Array.ForEach(dead, name => lookup.Hold(name, answered));
        int asked = dead.Sum(lookup.CountOf);
        await Eventually.TrueAsync(() => dead.Sum(lookup.CountOf) > asked, LabNode.Patience);

        lookup.Say("good.example.org", "10.0.0.1");
        resolver.Watch(Named([.. dead, "good.example.org"]));
        await Eventually.TrueAsync(() => resolver.Find("good.example.org") is not null, LabNode.Patience);
        int found = lookup.CountOf("good.example.org");
        await Eventually.TrueAsync(() => lookup.CountOf("good.example.org") > found + 3, LabNode.Patience);
        answered.Set();
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task An_answer_in_another_order_is_news_only_where_the_first_counts(bool countsFirst, int told)
    {
        var lookup = new ScriptedNames();
        lookup.Say("a.example.org", "10.0.0.1", "10.0.0.2");
        using var resolver = new NameResolver(lookup, s_refresh, NullLogger.Instance);
        int heard = 0;
        resolver.Answered += () => Interlocked.Increment(ref heard);
        resolver.Watch(new Dictionary<string, bool> { ["a.example.org"] = countsFirst });
        await Eventually.TrueAsync(() => Volatile.Read(ref heard) == 1, LabNode.Patience);

        lookup.Say("a.example.org", "10.0.0.2", "10.0.0.1");
        int asked = lookup.CountOf("a.example.org");
        await Eventually.TrueAsync(
            () => lookup.CountOf("a.example.org") > asked + 3 && Volatile.Read(ref heard) >= told, LabNode.Patience);
        Assert.Equal(told, Volatile.Read(ref heard));
    }

    private static Dictionary<string, bool> Named(params string[] names) => names.ToDictionary(name => name, _ => true);
}

/// <summary>Says of names what a test wants.</summary>
internal sealed class ScriptedNames : INameLookup
{
    private readonly ConcurrentDictionary<string, IPAddress[]> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ManualResetEventSlim> _held = new(StringComparer.Ordinal);

    /// <summary>From now on a name has these addresses; none is an error.</summary>
    public void Say(string name, params string[] addresses) => _answers[name] = [.. addresses.Select(IPAddress.Parse)];

    /// <summary>A name is not answered for until then.</summary>
    public void Hold(string name, ManualResetEventSlim until) => _held[name] = until;

    /// <summary>How often a name was asked for.</summary>
    public int CountOf(string name) => _counts.GetValueOrDefault(name);

    public IReadOnlyList<IPAddress> Find(string name)
    {
        _counts.AddOrUpdate(name, 1, static (_, count) => count + 1);
        if (_held.TryGetValue(name, out ManualResetEventSlim? until))
        {
            until.Wait();
        }

        return _answers.TryGetValue(name, out IPAddress[]? found) && found.Length > 0
            ? found
            : throw new SocketException((int)SocketError.HostNotFound);
    }
}
