using Mesh.Control.Cli;

using Stream input = Console.OpenStandardInput();
return await MeshCtl.RunAsync(args, new Terminal(Console.Out, Console.Error, input, !Console.IsOutputRedirected));
