namespace Mesh.Lab.Demo;

/// <summary>What the demo says: headings, what was found, and each claim with whether it held.</summary>
internal sealed class DemoOutput
{
    private readonly bool _hasColour = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private int _step;

    /// <summary>How many claims did not hold.</summary>
    public int DeviationCount { get; private set; }

    public void Heading(string text)
    {
        _step++;
        Console.WriteLine();
        Console.WriteLine(Coloured("1;36", $"{_step}. {text}"));
    }

    public void Say(string text) => Console.WriteLine($"   {text}");

    public void Block(string text)
    {
        foreach (string line in text.TrimEnd().Split('\n'))
        {
            Console.WriteLine($"     {line}");
        }
    }

    /// <summary>A command the reader can type, with what it printed.</summary>
    public void Transcript(string command, string answer)
    {
        Console.WriteLine(Coloured("2", $"     $ {command}"));
        Block(answer);
    }

    public void Claim(string text, bool holds)
    {
        DeviationCount += holds ? 0 : 1;
        Console.WriteLine(holds ? $"   {Coloured("32", "✓")} {text}" : $"   {Coloured("31", "✗")} {text}");
    }

    private string Coloured(string code, string text) => _hasColour ? $"\u001b[{code}m{text}\u001b[0m" : text;
}
