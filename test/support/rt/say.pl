# Writes on a ticket many times, as REST2 would but with no mail and no scrips: TICKET TIMES KIND NAME.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib', '/usr/local/share/request-tracker5/lib';
use RT -init;
use MIME::Entity;

my ( $ticket, $times, $kind, $name ) = @ARGV;
my $user = RT::CurrentUser->new($name);
die "no $name\n" unless $user->id;
for my $index ( 0 .. $times - 1 ) {
    my $words = MIME::Entity->build( Type => 'text/plain', Charset => 'UTF-8', Data => ["note $index"] );
    my $said = RT::Transaction->new($user);
    my ( $ok, $message ) = $said->Create(
        ObjectType => 'RT::Ticket', ObjectId => $ticket, Type => $kind,
        MIMEObj => $words, ActivateScrips => 0, CommitScrips => 0,
    );
    die "$message\n" unless $ok;
}
