using Mesh.Lab;
using Mesh.Lab.Cli;
using Mesh.Lab.Holding;
using Mesh.Lab.Networking;

try
{
    return args switch
    {
        ["hold", var directory] => await Holder.RunAsync(directory, endsWithInput: false),
        ["hold", var directory, "--owned"] => await Holder.RunAsync(directory, endsWithInput: true),
        ["sniff", var networkInterface] => await Sniffer.RunAsync(networkInterface),
        _ => await LabCommands.RunAsync(args),
    };
}
catch (LabException exception)
{
    await Console.Error.WriteLineAsync($"lab: {exception.Message}");
    return 1;
}
