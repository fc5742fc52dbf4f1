using Mesh.Lab;
using Mesh.Lab.Cli;
using Mesh.Lab.Holding;

try
{
    return args switch
    {
        ["hold", var directory] => await Holder.RunAsync(directory, endsWithInput: false),
        ["hold", var directory, "--owned"] => await Holder.RunAsync(directory, endsWithInput: true),
        _ => await LabCommands.RunAsync(args),
    };
}
catch (LabException exception)
{
    await Console.Error.WriteLineAsync($"lab: {exception.Message}");
    return 1;
}
