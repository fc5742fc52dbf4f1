using Mesh.Cni;

return Plugin.Run(Environment.GetEnvironmentVariable, Console.OpenStandardInput(), Console.OpenStandardOutput(), TimeProvider.System);
