using Mesh.Images;

return CommandLine.Run(args, Environment.GetEnvironmentVariable, Console.Out, Console.Error);
