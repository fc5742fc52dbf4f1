using Xunit.Sdk;
using Xunit.v3;

// Allocated bytes are counted for the whole process: what a test beside it allocates would be taken for the benchmark's.
[assembly: Parallelization(Mode = ParallelMode.None)]
