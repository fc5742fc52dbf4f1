using Mesh.Bench.Load;
using Mesh.Lab;

try
{
    BenchOptions options = BenchOptions.Read(args, RowCatalog.Names);
    if (options.WantsHelp)
    {
        Console.Write(BenchOptions.Help(RowCatalog.Names));
        return 0;
    }

    await BenchRun.RunAsync(options, Console.Out);
    return 0;
}
catch (BenchOptionException exception)
{
    await Console.Error.WriteLineAsync($"bench: {exception.Message}");
    return 2;
}
catch (Exception exception) when (exception is LabException or BenchException)
{
    await Console.Error.WriteLineAsync($"bench: {exception.Message}");
    return 1;
}
