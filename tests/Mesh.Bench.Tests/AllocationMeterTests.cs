using BenchmarkDotNet.Attributes;
using Mesh.Bench.Micro;
using Xunit;

namespace Mesh.Bench.Tests;

public sealed class AllocationMeterTests
{
    [Fact]
    public void What_an_operation_allocates_is_measured_for_every_combination_of_parameters()
    {
        AllocationResult[] results = Measure(typeof(Arrays));

        Assert.Equal(
            [
                ("Allocate", "[Bytes=8, IsTwice=False]", 32), ("Allocate", "[Bytes=8, IsTwice=True]", 64),
                ("Allocate", "[Bytes=1000, IsTwice=False]", 1_024), ("Allocate", "[Bytes=1000, IsTwice=True]", 2_048),
                ("Touch", "[Bytes=8, IsTwice=False]", 0), ("Touch", "[Bytes=8, IsTwice=True]", 0),
                ("Touch", "[Bytes=1000, IsTwice=False]", 0), ("Touch", "[Bytes=1000, IsTwice=True]", 0),
            ],
            results.Select(result => (result.Name.Split('.')[^1], result.Parameters, result.AllocatedBytes!.Value)));
    }

    [Fact]
    public void One_byte_in_a_thousand_operations_is_not_nothing() =>
        Assert.Equal(1, Assert.Single(Measure(typeof(Rare))).AllocatedBytes);

    [Fact]
    public void What_renews_the_input_is_not_measured_and_what_others_allocate_now_and_then_neither() =>
        Assert.Equal(0, Assert.Single(Measure(typeof(Renewed))).AllocatedBytes);

    [Fact]
    public void Each_benchmark_has_the_setup_made_for_it() =>
        Assert.Equal([64, 32], Measure(typeof(Targeted)).OrderBy(result => result.Name).Select(result => result.AllocatedBytes!.Value));

    [Fact]
    public void A_benchmark_that_throws_has_no_figure_and_says_why()
    {
        var log = new StringWriter();
        AllocationResult result = Assert.Single(AllocationMeter.Measure([typeof(Broken)], _ => true, log));

        Assert.Null(result.AllocatedBytes);
        Assert.Contains("out of order", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_is_wanted_runs() => Assert.Empty(AllocationMeter.Measure([typeof(Broken)], _ => false, TextWriter.Null));

    private static AllocationResult[] Measure(Type type) => [.. AllocationMeter.Measure([type], _ => true, TextWriter.Null)];

    public class Arrays
    {
        private byte[] _last = [];

        [Params(8, 1_000)]
        public int Bytes { get; set; }

        [Params(false, true)]
        public bool IsTwice { get; set; }

        [Benchmark]
        public void Allocate()
        {
            _last = new byte[Bytes];
            _last = IsTwice ? new byte[Bytes] : _last;
        }

        [Benchmark]
        public int Touch() => _last.Length;
    }

    public class Rare
    {
        private object _last = new();

        [Benchmark(OperationsPerInvoke = 1_000)]
        public void Allocate() => _last = new object();

        public override string ToString() => $"{_last}";
    }

    public class Renewed
    {
        private byte[] _input = [];
        private int _runs;

        [IterationSetup]
        public void Renew()
        {
            _input = new byte[100_000];
            _runs++;
        }

        [Benchmark]
        public int Read() => _runs % 5 == 0 ? new byte[10_000].Length : _input.Length;
    }

    public class Targeted
    {
        private byte[] _last = [];
        private int _bytes;

        [GlobalSetup(Target = nameof(Large))]
        public void SetupLarge() => _bytes = 40;

        [GlobalSetup(Target = nameof(Small))]
        public void SetupSmall() => _bytes = 8;

        [Benchmark]
        public void Large() => _last = new byte[_bytes];

        [Benchmark]
        public byte[] Small() => _last = new byte[_bytes];
    }

    public class Broken
    {
        [Benchmark]
        public void Run() => throw new InvalidOperationException("out of order");
    }
}
