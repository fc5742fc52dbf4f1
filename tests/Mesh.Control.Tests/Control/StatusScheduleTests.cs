using Mesh.Control.Cluster;
using Mesh.Control.Model.Inputs;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Objects that cannot be told keep nobody from being told.</summary>
public sealed class StatusScheduleTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly StatusSchedule _schedule = new();

    [Fact]
    public void Who_never_had_a_turn_comes_before_who_failed()
    {
        Dictionary<ObjectKey, WantedStatus> wanted = Wanted(30);
        for (int number = 0; number < 25; number++)
        {
            _schedule.Report(KeyOf(number), wanted[KeyOf(number)].Text, TellingOutcome.Failed, s_start);
        }

        // All are due, those that failed too.
        string[] next = [.. _schedule.NextDue(wanted, countMax: 6, s_start.AddMinutes(1)).Select(entry => entry.Key.Name)];

        Assert.Equal(["p25", "p26", "p27", "p28", "p29", "p0"], next);
    }

    [Fact]
    public void Failures_are_tried_less_and_less_often_and_a_success_ends_that()
    {
        Dictionary<ObjectKey, WantedStatus> wanted = Wanted(1);
        DateTimeOffset now = s_start;
        var waits = new List<double>();
        for (int attempt = 0; attempt < 9; attempt++)
        {
            _schedule.Report(KeyOf(0), wanted[KeyOf(0)].Text, TellingOutcome.Failed, now);
            DateTimeOffset failedAt = now;
            now = NextTurn(wanted, now);
            waits.Add((now - failedAt).TotalSeconds);
        }

        _schedule.Report(KeyOf(0), wanted[KeyOf(0)].Text, TellingOutcome.Told, now);
        double check = (NextTurn(wanted, now) - now).TotalSeconds;
        _schedule.Report(KeyOf(0), wanted[KeyOf(0)].Text, TellingOutcome.Failed, now);

        Assert.Equal([5, 10, 20, 40, 80, 160, 300, 300, 300], waits);
        Assert.Equal(1_800, check);
        Assert.Equal(5, (NextTurn(wanted, now) - now).TotalSeconds);
    }

    [Fact]
    public void News_are_told_at_once_but_to_one_that_fails()
    {
        _schedule.Report(KeyOf(0), Wanted(2)[KeyOf(0)].Text, TellingOutcome.Told, s_start);
        _schedule.Report(KeyOf(1), Wanted(2)[KeyOf(1)].Text, TellingOutcome.Failed, s_start);
        Dictionary<ObjectKey, WantedStatus> changed = Wanted(2, generation: 2);

        Assert.Empty(_schedule.NextDue(Wanted(2), countMax: 9, s_start.AddSeconds(1)));
        Assert.Equal(["p0"], _schedule.NextDue(changed, countMax: 9, s_start.AddSeconds(1)).Select(entry => entry.Key.Name));
    }

    [Fact]
    public void One_that_was_newer_is_told_as_soon_as_that_is_known()
    {
        _schedule.Report(KeyOf(0), Wanted(1)[KeyOf(0)].Text, TellingOutcome.IsNewer, s_start);

        Assert.Empty(_schedule.NextDue(Wanted(1), countMax: 9, s_start.AddSeconds(1)));
        Assert.Single(_schedule.NextDue(Wanted(1, generation: 2), countMax: 9, s_start.AddSeconds(1)));
        Assert.Single(_schedule.NextDue(Wanted(1), countMax: 9, s_start.AddSeconds(5)));
    }

    private DateTimeOffset NextTurn(Dictionary<ObjectKey, WantedStatus> wanted, DateTimeOffset now)
    {
        while (_schedule.NextDue(wanted, countMax: 9, now).Count == 0)
        {
            now = now.AddSeconds(1);
        }

        return now;
    }

    private static ObjectKey KeyOf(int number) => new("security.istio.io", "AuthorizationPolicy", "shop", $"p{number}");

    private static Dictionary<ObjectKey, WantedStatus> Wanted(int count, long generation = 1) => Enumerable.Range(0, count).ToDictionary(
        KeyOf, number => new WantedStatus($"p{number}", generation, Parents: null, [], Messages: []));
}
