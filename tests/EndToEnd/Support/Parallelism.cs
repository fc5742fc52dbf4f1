using Xunit.Sdk;
using Xunit.v3;

// Each class has a lab of a dozen processes, and some measure time.
[assembly: Parallelization(Mode = ParallelMode.None)]
