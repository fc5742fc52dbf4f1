namespace Mesh.Lab.Networking;

/// <summary>
/// Hands out numbers of a range in turn, so that a number given back is the last to be used again: what still knows the old owner of an
/// address is not surprised by a new one at once.
/// </summary>
internal sealed class NumberPool
{
    private readonly HashSet<int> _taken = [];
    private readonly int _first;
    private readonly int _last;
    private readonly string _what;
    private int _next;

    /// <param name="what">What the numbers stand for, in the plural, for the message when they run out.</param>
    public NumberPool(int first, int last, string what)
    {
        (_first, _last, _what, _next) = (first, last, what, first);
    }

    public int Take()
    {
        for (int tried = _first; tried <= _last; tried++)
        {
            int candidate = _next;
            _next = _next == _last ? _first : _next + 1;
            if (_taken.Add(candidate))
            {
                return candidate;
            }
        }

        throw new LabException($"all {_last - _first + 1} {_what} are in use");
    }

    /// <summary>Takes a number of somebody's choice; false when it is taken or not of the range.</summary>
    public bool TryTake(int number) => number >= _first && number <= _last && _taken.Add(number);

    public void Release(int number) => _taken.Remove(number);
}
