using System.Globalization;
using Mesh.Lab.Apps;

const string Usage =
    """
    Usage: lab-app APP [OPTIONS]: small applications that know nothing of any mesh

      http --port P [--name NAME] [--call URL]...   answers every GET with its name, the caller's address, and what the calls answered
      lines --port P [--greeting TEXT]              sends a greeting, then repeats every line in upper case
    """;

try
{
    var options = new AppOptions(args.Skip(1));
    switch (args.FirstOrDefault())
    {
        case "http":
            return await HttpApp.RunAsync(options);
        case "lines":
            return await LinesApp.RunAsync(options);
        case null or "help" or "--help":
            Console.WriteLine(Usage);
            return 0;
        default:
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"there is no app '{args[0]}'"));
    }
}
catch (ArgumentException exception)
{
    await Console.Error.WriteLineAsync($"lab-app: {exception.Message}\n{Usage}");
    return 2;
}
